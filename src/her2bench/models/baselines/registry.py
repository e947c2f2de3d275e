"""Registry of baselines: built-in ones, one file each, and those of users."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import BASELINES, NETWORKS, BaselineName
from her2bench.models.baselines.logistic import Fitted, fit_logistic
from her2bench.models.registry import refuse_name

OURS = tuple(BASELINES)
_REGISTERED: dict[str, "Baseline"] = {}


@dataclass(frozen=True)
class Baseline:
    """A model of few numbers per tile.

    Attributes:
        name: in configs, tables and folders.
        measure: tiles (n, size, size, 3) uint8 → features (n, k).
        fit: features (n, k) and targets (n,), 0 or 1, of the training tiles → the fitted
            baseline; a logistic regression unless given.
        label: its display name; for built-in ones from `core.vocabulary`.
        about: its features, one sentence for the glossary.
    """

    name: str
    measure: Callable[[np.ndarray], np.ndarray]
    fit: Callable[[np.ndarray, np.ndarray], Fitted] = fit_logistic
    label: str = ""
    about: str = ""


def register_baseline(baseline: Baseline) -> None:
    """Register a baseline for configs, tables and reports in this process.

    Raises:
        UserError: the name belongs to another model, or cannot name a folder.
    """
    name = baseline.name
    ours = name in OURS and baseline.measure.__module__.startswith("her2bench.")
    refuse_name(name, taken=() if ours else (*NETWORKS, *OURS))
    _REGISTERED[name] = baseline
    if not ours:
        label = baseline.label or name
        BASELINES[name] = BaselineName(label, f"the {label}", baseline.about)


def baseline(name: str) -> Baseline:
    """The baseline of that name.

    Raises:
        UserError: there is none.
    """
    if name in OURS and name not in _REGISTERED:
        import_module(f"her2bench.models.baselines.{name}")  # its last line registers it
    if name not in _REGISTERED:
        raise UserError(
            "baselines",
            found=f"unknown baseline {name!r}",
            expected=f"one of {', '.join(BASELINES)}",
        )
    return _REGISTERED[name]

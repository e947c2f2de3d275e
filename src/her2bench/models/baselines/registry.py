"""Registry of baselines: built-in ones, one file each, and those of users."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from her2bench.core.errors import UserError
from her2bench.core.vocabulary import BASELINES, NETWORKS, BaselineName
from her2bench.models.baselines.logistic import Fitted, fit_logistic, fit_ordinal
from her2bench.models.registry import refuse_name

Fit = Callable[[np.ndarray, np.ndarray], Fitted]
"""Features (n, k) and targets or scores (n,) of the training tiles → the fitted baseline."""
OURS = tuple(BASELINES)
_REGISTERED: dict[str, "Baseline"] = {}
_REGRESSIONS = (fit_logistic, fit_ordinal)


@dataclass(frozen=True)
class Baseline:
    """A model of few numbers per tile.

    Attributes:
        name: in configs, tables and folders.
        measure: tiles (n, size, size, 3) uint8 → features (n, k).
        fit: features (n, k) and targets (n,), 0 or 1, of the training tiles → the fitted
            baseline; a logistic regression unless given.
        fit_scores: the same for scores (n,), 0 to 3, with logits (n, 3) of the scores 1+, 2+ and
            3+ or more; an ordinal logistic regression where `fit` is the logistic one.
        label: its display name; for built-in ones from `core.vocabulary`.
        about: its features, one sentence for the glossary.
    """

    name: str
    measure: Callable[[np.ndarray], np.ndarray]
    fit: Fit | None = fit_logistic
    fit_scores: Fit | None = None
    label: str = ""
    about: str = ""

    def tunable(self, endpoint: str) -> bool:
        """Whether its fit has a strength of regularisation: it is a logistic regression."""
        return self.fitting(endpoint) in _REGRESSIONS

    def fitting(self, endpoint: str, strength: float | None = None) -> Fit:
        """How it is fitted to an endpoint; with a strength of regularisation if it is tunable.

        Raises:
            UserError: it is not made for that endpoint.
        """
        ordinal = fit_ordinal if self.fit is fit_logistic else None
        found = (self.fit_scores or ordinal) if endpoint == "score" else self.fit
        if found is None:
            raise UserError(
                "baselines",
                found=f"{self.name}, with endpoint = {endpoint!r}",
                expected="a baseline that gives the four scores a probability"
                if endpoint == "score"
                else "a baseline of a binary endpoint",
                hint="leave it out, or register it with fit_scores"
                if endpoint == "score"
                else "leave it out; always_positive is the one for a binary endpoint",
            )
        if strength is None:
            return found
        regression = next(fit for fit in _REGRESSIONS if fit is found)
        return lambda measured, learned: regression(measured, learned, strength)


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

"""Registry of networks: built-in ones, one file each, and those of users.

Modules are imported on first use; a class named by a weights file is never imported.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import signature
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, cast

from her2bench.core.errors import UserError, nearest
from her2bench.core.predictions import check_model_name
from her2bench.core.vocabulary import BASELINES, NETWORKS, model_name
from her2bench.models.arguments import Argument, with_arguments

if TYPE_CHECKING:
    from torch import nn

Build = Callable[..., "nn.Module"]
"""Returns a network with initial weights, one logit per tile; called with `size` if it takes it."""
Expected = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Mean and standard deviation of each channel by which a network's input is normalised."""
PIXELS: Expected = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
"""Input that stays as it is, in [0, 1]."""
TIMM = "timm:"
OURS = tuple(NETWORKS)
FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError),
    *(OSError, RuntimeError, SyntaxError, TypeError, ValueError),
)
"""Exceptions that users' code may raise."""
_REGISTERED: dict[str, "Network"] = {}


@dataclass(frozen=True)
class Network:
    """A network that can be compared.

    Attributes:
        name: in configs, tables and folders.
        build: returns it.
        smallest: minimum tile size, pixels.
        source: the network behind a name of a config: `timm:NAME`, `package.module:Class`, or
            that of another one.
        expects: the normalisation of its input; None: as the recipe says.
    """

    name: str
    build: Build
    smallest: int = 1
    source: str = ""
    expects: Expected | None = None

    @property
    def ours(self) -> bool:
        """Whether the network is part of this project."""
        return self.name in OURS or self.source in OURS

    def check_size(self, size: int) -> None:
        """Raise a UserError when tiles of `size` px are too small for it."""
        if size < self.smallest:
            raise UserError(
                "size",
                found=f"tiles of {size} px",
                expected=f"at least {self.smallest} px for {self.name}",
                hint=f"set size = {self.smallest} or more",
            )

    def fresh(self, size: int) -> "nn.Module":
        """The network with initial weights for tiles of `size` x `size` pixels."""
        if "size" in signature(self.build).parameters:
            return self.build(size=size)
        return self.build()


def register_model(
    name: str,
    build: Build,
    label: str | None = None,
    *,
    smallest: int = 1,
    source: str = "",
    expects: Expected | None = None,
) -> None:
    """Register a network for configs and weights files in this process.

    Args:
        name: in configs, tables and folders; a later registration replaces an earlier one.
        build: a class or function that returns a module: tiles (b, 3, size, size) to logits (b,).
        label: its display name.
        smallest: minimum tile size, pixels.
        source: the network behind a name of a config: `timm:NAME`, `package.module:Class`, or
            that of another one.
        expects: mean and standard deviation of each channel by which its input is normalised;
            without them, as the recipe says.

    Raises:
        UserError: the name belongs to another model, or cannot name a folder.
    """
    ours = name in OURS and getattr(build, "__module__", "") == f"her2bench.models.{name}"
    refuse_name(name, taken=() if ours else (*OURS, *BASELINES))
    _REGISTERED[name] = Network(name, build, smallest, source, expects)
    NETWORKS[name] = label or NETWORKS.get(name, name)


def refuse_name(name: str, taken: tuple[str, ...]) -> None:
    """Raise a UserError if a model cannot be registered with this name."""
    why = "another name: this one is taken" if name in taken else check_model_name(name)
    if why or not name:
        raise UserError(
            "models",
            found=f"the name {name!r}",
            expected=why or "a name",
            hint="give the model another name, in a config as name=package.module:Class",
        )


def use_model(entry: str, arguments: Mapping[str, Argument] | None = None) -> str:
    """Register the network of a config's entry, unless it is already; return its name.

    Args:
        entry: as in `models`.
        arguments: for the network's class.

    Raises:
        UserError: there is no such network, its class cannot be imported, or takes no such
            arguments.
    """
    known = named_network(entry, arguments or {})
    if _REGISTERED.get(known.name) is not known:
        about = {"smallest": known.smallest, "source": known.source, "expects": known.expects}
        register_model(known.name, known.build, **about)
    return known.name


def named_network(entry: str, arguments: Mapping[str, Argument]) -> Network:
    """The network of a config's entry with arguments for its class, not registered.

    Raises:
        UserError: as `use_model`.
    """
    name, source = model_name(entry), entry.partition("=")[2] or entry
    if source.startswith(TIMM):
        from her2bench.models.timm_networks import timm_network  # timm takes seconds to import

        build, expects = timm_network(source.removeprefix(TIMM))
        known = Network(name, build, source=source, expects=expects)
    elif ":" in source:
        known = Network(name, _imported(source), source=source)
    elif source == name and not arguments:
        return network(name)
    else:
        known = replace(network(source), name=name, source=source)
    return replace(known, build=with_arguments(known.build, arguments, name))


def is_timms_own(source: str) -> bool:
    """Whether a source names a network that comes with timm, and is not on a hub."""
    return source.startswith(TIMM) and ":" not in source.removeprefix(TIMM)


def network(name: str) -> Network:
    """The network of that name.

    Raises:
        UserError: there is none.
    """
    if name in OURS and name not in _REGISTERED:
        import_module(f"her2bench.models.{name}")  # its last line registers it
    if name not in _REGISTERED:
        raise UserError(
            "models",
            found=f"unknown model {name!r}",
            expected=f"one of {', '.join(NETWORKS)}, timm:NAME, or package.module:Class",
            hint=_written_as_timm(name)
            or nearest(name, NETWORKS)
            or "choose one of these, or register yours",
        )
    return _REGISTERED[name]


def _written_as_timm(name: str) -> str:
    """The hint for a name that timm knows, which is imported only here."""
    import timm

    return f"networks of timm are written timm:{name}" if timm.is_model(name) else ""


def check_size(name: str, size: int) -> None:
    """Raise a UserError when there is no such model, or none for tiles of that size."""
    network(name).check_size(size)


def build_model(name: str, size: int) -> "nn.Module":
    """A network with initial weights for tiles of `size` x `size` pixels, one logit per tile."""
    check_size(name, size)
    return network(name).fresh(size)


def _imported(source: str) -> Build:
    module, _, name = source.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # last, so that files there do not shadow packages
    try:
        found = attrgetter(name)(import_module(module))
    except FAULTS as error:
        raise UserError(
            "models",
            found=f"{source!r} cannot be imported ({type(error).__name__}: {error})",
            expected="package.module:Class, in the current folder or installed",
            hint="correct the name, install the package, or set PYTHONPATH to its folder",
        ) from error
    if callable(found):
        return cast("Build", found)
    raise UserError("models", found=f"{source!r} is not a class", expected="package.module:Class")

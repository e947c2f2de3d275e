"""Names and colours of models as a user wants them shown; ids in tables and folders stay."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})
_NAMES: ContextVar[Mapping[str, str]] = ContextVar("names")
_COLOURS: ContextVar[Mapping[str, str]] = ContextVar("colours")


@contextmanager
def shown_as(names: Mapping[str, str], colours: Mapping[str, str] | None = None) -> Iterator[None]:
    """Show models by these names and in these colours while the block runs.

    >>> with shown_as({"lenet": "LeNet (1998)"}):
    ...     chosen_name("lenet")
    'LeNet (1998)'
    >>> chosen_name("lenet")
    """
    named, coloured = _NAMES.set(names), _COLOURS.set(colours or _NONE)
    try:
        yield
    finally:
        _NAMES.reset(named)
        _COLOURS.reset(coloured)


def chosen_name(model: str) -> str | None:
    """The name a user gave a model; None without one."""
    return chosen_names().get(model)


def chosen_names() -> Mapping[str, str]:
    """All names that a user gave."""
    return _NAMES.get(_NONE)


def chosen_colour(model: str) -> str | None:
    """The colour a user gave a model, `#rrggbb`; None without one."""
    return _COLOURS.get(_NONE).get(model)

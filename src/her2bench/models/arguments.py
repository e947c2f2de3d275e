"""Arguments for a network's class from a config, checked against its signature."""

from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, signature
from typing import Any, Literal, get_origin

from pydantic import TypeAdapter, ValidationError

from her2bench.core.errors import UserError, nearest, shown

Argument = bool | int | float | str
_OF_THE_COMPARISON = ("size", "pretrained")  # given to the class by other settings
_PLAIN = (bool, int, float, str)


def with_arguments(
    build: Callable[..., Any], arguments: Mapping[str, Argument], name: str
) -> Callable[..., Any]:
    """What builds a network, with some of its arguments fixed.

    Args:
        build: a class or function that returns the network.
        arguments: names and values; values are checked where the signature has plain types.
        name: of the network, for messages.

    Raises:
        UserError: an argument that it does not take, or a value of another kind.
    """
    if not arguments:
        return build
    taken = signature(build).parameters
    known = {n: p for n, p in taken.items() if n not in _OF_THE_COMPARISON}
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in taken.values())
    for key, value in arguments.items():
        if key in known:
            _check(f"network.{name}.arguments.{key}", known[key].annotation, value)
        elif not open_ended or key in _OF_THE_COMPARISON:
            raise UserError(
                f"network.{name}.arguments",
                found=f"unknown argument {shown(key)}",
                expected=f"arguments of the network's class: {', '.join(known) or 'it takes none'}",
                hint=nearest(key, known) or "correct or remove it",
            )
    return partial(build, **arguments)


def _check(where: str, annotation: Any, value: Argument) -> None:
    if annotation not in _PLAIN and get_origin(annotation) is not Literal:
        return
    try:
        TypeAdapter(annotation).validate_python(value, strict=True)
    except ValidationError as error:
        raise UserError(
            where, found=shown(value), expected=error.errors()[0]["msg"], hint="correct the value"
        ) from error

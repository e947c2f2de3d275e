"""Settings as frozen pydantic models, read from TOML; an unknown key is an error with a hint."""

import tomllib
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from her2bench.core.atomic_io import reading
from her2bench.core.errors import UserError, closest, shown


class Settings(BaseModel):
    """A group of settings: frozen, every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=BaseModel)


def load_settings(kind: type[S], path: Path, overrides: Iterable[str] = ()) -> S:
    """Read settings of a kind from a TOML file, with `key.sub=value` overrides on top.

    Args:
        kind: the pydantic model to fill.
        path: the TOML file.
        overrides: texts such as `recipe.epochs=3`; the value is read as TOML, else as text.

    Raises:
        UserError: no such file, not TOML, an unknown key (with the nearest right one), or a
            value that is not allowed.
    """
    data = _load_plain(Path(path))
    for override in overrides:
        _override(data, override)
    return settings_from(kind, data, path)


def _load_plain(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        UserError: no such file, or not TOML.
    """
    if not path.is_file():
        raise UserError(path, found="no such config file", hint="check the path")
    try:
        with reading(path):
            return parsed_toml(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UserError(path, found=f"not valid TOML ({error})", hint="correct the line") from error


def parsed_toml(text: str) -> dict[str, Any]:
    """The content of a TOML text.

    Raises:
        ValueError: it is no TOML, has a number of thousands of digits, or is nested too deep.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ValueError as error:
        raise ValueError("a number of thousands of digits") from error


def settings_from(kind: type[S], data: dict[str, Any], where: object) -> S:
    """Fill a settings model from plain data, errors as one UserError that lists every problem."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise UserError(
            where,
            found=problems(kind, error),
            hint="correct these settings (or their --set); the docs list all on the page Settings",
        ) from error


def to_toml(settings: BaseModel) -> str:
    """The settings as TOML text, every default written out; None is left out."""
    return tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """The settings that differ, a line each.

    >>> differences({"recipe": {"epochs": 2}}, {"recipe": {"epochs": 3}})
    ['recipe.epochs: 2 before, 3 now']
    """
    lines = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key}: {a} before, {b} now")
    return lines


def with_overrides(data: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A copy of plain settings with `key.sub=value` overrides on top.

    >>> with_overrides({"score": {"margin": 0.02}}, ["score.margin=0.05"])
    {'score': {'margin': 0.05}}
    """
    copied = deepcopy(data)
    for override in overrides:
        _override(copied, override)
    return copied


def _override(data: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError("--set", found=shown(text), expected="key=value, e.g. recipe.epochs=3")
    *sections, last = key.strip().split(".")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise UserError(
                "--set", found=f"{key[:80]}: {section[:80]!r} is no section of settings"
            )
    try:
        data[last] = parsed_toml(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        data[last] = value.strip()
    except ValueError as error:
        raise UserError("--set", found=f"{shown(text)}: {error}", hint="correct it") from error


def setting_fields(kind: type[BaseModel], prefix: str = "") -> dict[str, type[BaseModel]]:
    """The settings of a model, those of its sections too: dotted key → the model it is a field of.

    A table of sections by name has the key `table.NAME.setting`.

    >>> class Inner(Settings):
    ...     epochs: int = 1
    >>> class Outer(Settings):
    ...     recipe: Inner = Inner()
    >>> list(setting_fields(Outer))
    ['recipe', 'recipe.epochs']
    """
    keys: dict[str, type[BaseModel]] = {}
    for name, field in kind.model_fields.items():
        keys[f"{prefix}{name}"] = kind
        inside = f"{prefix}{name}." + ("NAME." if get_origin(field.annotation) is dict else "")
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                keys |= setting_fields(inner, inside)
    return keys


def problems(kind: type[BaseModel], error: ValidationError) -> str:
    """What is wrong with settings, each with its key and value."""
    return "; ".join(_problem(kind, entry) for entry in error.errors())


def _problem(kind: type[BaseModel], entry: Any) -> str:
    place = [str(part) for part in entry["loc"]]
    key = ".".join(place)
    if entry["type"] == "extra_forbidden":
        close = _closest_key(place, list(setting_fields(kind)))
        return f"unknown setting {shown(key)}" + (f" (did you mean {close!r}?)" if close else "")
    if entry["type"] == "missing":
        return f"setting {key!r} is missing"
    if entry["type"] == "tuple_type":
        return f"{key} = {shown(entry['input'])}: a list is needed, in [ ]"
    said = entry["msg"].removeprefix("Value error, ")
    if isinstance(entry["input"], dict):  # about a whole section: the message names the keys
        return f"{key}: {said}" if key else said
    return f"{key} = {shown(entry['input'])}: {said}"


def _closest_key(place: list[str], keys: list[str]) -> str | None:
    """The key most like an unknown one: of that name, else in its section, else in any."""
    *section, name = place
    by_name = {key.rpartition(".")[2]: key for key in reversed(keys)}
    beside = [key.rpartition(".")[2] for key in keys if key.split(".")[:-1] == section]
    near = name if name in by_name else closest(name, beside)
    if near in beside:
        return near
    return by_name.get(near or closest(name, by_name) or "")

"""The configs that come with the package: `sound` is `configs/sound.toml`."""

import tomllib
from pathlib import Path
from typing import Literal

from her2bench.core.errors import UserError, nearest

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "configs", _PACKAGE.parents[1] / "configs")  # installed; a checkout
_MARKS = {"compare": "models", "phantom": "tiles_per_slide"}
"""A setting that only the configs of a command have."""


def config_path(given: str | Path, command: Literal["compare", "phantom"]) -> Path:
    """The file of a config, given as a path or as the name of a packaged one.

    A file of that name comes first.

    Raises:
        UserError: no such file, and no packaged config of that name.
    """
    path = Path(given)
    if path.exists() and not path.is_dir():
        return path
    packaged = packaged_configs(command)
    if str(given) in packaged:
        return packaged[str(given)]
    if path.stem in packaged:
        hint = f"name a file, or take the packaged one: {path.stem}"
    else:
        hint = nearest(path.stem, packaged) or "name a file, or one of the packaged configs"
    raise UserError(
        given,
        found="no such config file",
        expected=f"a TOML file, or a packaged config: {', '.join(packaged)}",
        hint=hint,
    )


def packaged_configs(command: Literal["compare", "phantom"]) -> dict[str, Path]:
    """Name → file of the packaged configs of a command."""
    place = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
    return {
        path.stem: path
        for path in sorted(place.glob("*.toml"))
        if _MARKS[command] in tomllib.loads(path.read_text(encoding="utf-8"))
    }

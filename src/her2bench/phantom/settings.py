"""The settings of a phantom, from the command line or a TOML file."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from her2bench.core.config import parsed_toml
from her2bench.core.errors import UserError, nearest, shown


class PhantomSettings(BaseModel):
    """Settings of a phantom; together with the version of the generator they fix every byte.

    Attributes:
        slides: number of slides; BCI has 51.
        tiles_per_slide: tiles of a slide on average; BCI has about 95.
        size: side of a tile, pixels.
        mpp: µm/pixel; membranes are visible up to about 1. BCI has 0.46.
        seed: seed of everything random.
        confounding: how far the target decides the white point, 0 (not) to 1 (wholly).
        layout: `manifest` (a manifest and tiles) or `bci` (BCI's folders and names).
        quality: JPEG quality.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    slides: int = Field(51, ge=1, le=100_000)
    tiles_per_slide: int = Field(20, ge=1, le=100_000)
    size: int = Field(256, ge=16, le=8192)
    mpp: float = Field(0.92, ge=0.1, le=4.0, allow_inf_nan=False)
    seed: int = Field(0, ge=0, lt=2**63)
    confounding: float = Field(0.0, ge=0, le=1, allow_inf_nan=False)
    layout: Literal["manifest", "bci"] = "manifest"
    quality: int = Field(90, ge=1, le=100)


def phantom_settings(given: dict[str, object], where: object = "phantom") -> PhantomSettings:
    """Check settings by name.

    Raises:
        UserError: an unknown name, or a value out of its range; `where` is named.
    """
    known = PhantomSettings.model_fields
    for name in given:
        if name not in known:
            raise UserError(
                where,
                found=f"unknown setting {shown(name)} {nearest(name, known)}".strip(),
                expected=f"some of {', '.join(known)}",
                hint="correct the name, or remove the line",
            )
    try:
        return PhantomSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(
            where,
            found=f"{name} = {shown(first['input'])}",
            expected=first["msg"].replace("Input should be ", f"{name} "),
            hint=f"change {name}",
        ) from error


def read_settings(path: Path) -> dict[str, object]:
    """The settings in a TOML file, not yet checked.

    Raises:
        UserError: no such file, or not TOML.
    """
    try:
        return parsed_toml(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UserError(path, found="no such file", hint="check the path") from error
    except (OSError, ValueError) as error:
        raise UserError(
            path, found=f"cannot be read ({error})", expected="settings as TOML, one per line"
        ) from error

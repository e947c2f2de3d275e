"""The settings of the report."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from her2bench.core.config import Settings, settings_from
from her2bench.core.errors import nearest, shown

Shown = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class ReportSettings(Settings):
    """How the report shows a comparison; changes no number.

    Attributes:
        unit: what a group is: slide, core, patient, ...
        names: model → its name in report, figures and terminal; tables and folders keep the id.
        colours: model → its colour in figures, `#rrggbb`.
        order: models in this order; others follow.
    """

    unit: str = Field(default="slide", pattern=r"^[a-z]{1,20}$")
    names: dict[str, Shown] = Field(default={})
    colours: dict[str, Colour] = Field(default={})
    order: tuple[str, ...] = ()


def unknown_models(settings: ReportSettings, models: Collection[str]) -> str:
    """The models that settings speak of and a comparison does not have, as a message; or empty.

    >>> unknown_models(ReportSettings(names={"lenat": "LeNet"}), ["lenet"])
    "report: no model 'lenat': did you mean 'lenet'?"
    """
    for name in (*settings.names, *settings.colours, *settings.order):
        if name not in models:
            hint = nearest(name, models) or f"one of {', '.join(models)}"
            return f"report: no model {shown(name)}: {hint}"
    return ""


def report_settings(config: dict[str, Any], where: object) -> ReportSettings:
    """The settings of the report in a comparison.toml; the defaults where it has none."""
    return settings_from(ReportSettings, config.get("report") or {}, where)

"""The settings of the report."""

from pydantic import Field

from her2bench.core.config import Settings


class ReportSettings(Settings):
    """How the report shows a comparison; changes no number.

    Attributes:
        unit: what a group is: slide, core, patient, ...
    """

    unit: str = Field(default="slide", pattern=r"^[a-z]{1,20}$")

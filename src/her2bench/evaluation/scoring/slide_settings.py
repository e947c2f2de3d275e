"""How tiles are put together to slides; the `[slide]` section of a comparison."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from her2bench.core.config import Settings, settings_from
from her2bench.evaluation.scoring.settings import ThresholdRule

CHOSEN_QUANTILE = 0.9  # among the candidates of `choose` where no other is named


class SlideSettings(Settings):
    """How the tile predictions of a slide become one; nothing here is chosen on test slides.

    Attributes:
        aggregate: of the tiles' probabilities: `mean`, `median` or `quantile`; `share` of the tiles
            predicted positive at the tile threshold; `choose`: the one with the greatest ROC-AUC on
            each run's validation slides.
        quantile: of `quantile`, and of the candidate of that name in `choose` (0.9 by default).
        threshold: how each run's threshold for slides is found, on its validation slides; by
            default by the rule for tiles.
    """

    aggregate: Literal["mean", "median", "share", "quantile", "choose"] = "mean"
    quantile: float | None = Field(default=None, gt=0, lt=1)
    threshold: ThresholdRule | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.aggregate == "quantile" and self.quantile is None:
            raise ValueError("aggregate 'quantile' needs a quantile, for example quantile = 0.9")
        if self.aggregate in ("mean", "median", "share") and self.quantile is not None:
            raise ValueError(f"aggregate {self.aggregate!r} takes no quantile")
        return self


def slide_settings(config: dict[str, Any], where: object) -> SlideSettings | None:
    """The section `[slide]` of plain settings; None where they have none.

    Raises:
        UserError: a setting of it is unknown or wrong.
    """
    section = config.get("slide")
    return None if section is None else settings_from(SlideSettings, section, where)

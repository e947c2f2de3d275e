"""Responses of the server, as described by OpenAPI."""

from typing import Literal

from pydantic import BaseModel, Field

from her2bench.core.vocabulary import RESEARCH_USE

CAVEATS = {
    "2+": " (a laboratory convention; 2+ is equivocal)",
    "3+": " (2+ is equivocal)",
    "1+": " (2+ is equivocal)",
}


class ModelAnswer(BaseModel):
    """One model's prediction for a tile: the mean of all its finished runs."""

    model: str
    name: str = Field(description="The model's label, as in the report.")
    runs: int = Field(description="Finished runs (seeds x folds) behind the mean.")
    call: Literal["positive", "negative"] = Field(
        description="The mean logit compared with the mean of the runs' frozen thresholds."
    )
    probability: float = Field(
        ge=0, le=1, description="Of positive; calibrated where `calibrated` is true."
    )
    threshold: float = Field(
        ge=0, le=1, description="The frozen threshold on the scale of `probability`."
    )
    calibrated: bool = Field(
        description="Whether a scaling fitted on validation tiles was applied (Platt; where that "
        "cannot be used, temperature)."
    )
    logit: float = Field(description="Mean over the runs, not calibrated.")
    scores: dict[str, float] | None = Field(
        default=None,
        description="Of networks of the four scores: the probability of 0, 1+, 2+ and 3+, not "
        "calibrated; positive is 2+ or more.",
    )
    heatmap: str | None = Field(
        default=None,
        description="Grad-CAM over the tile, PNG with transparency as a data URL, on request; "
        "null where the map is zero everywhere.",
    )


class TileAnswer(BaseModel):
    """The result for one file: `error`, or the other fields."""

    name: str = Field(description="The file's name as sent. Show it as text, never as HTML.")
    error: str | None = Field(default=None, description="Why the file was not accepted.")
    width: int | None = None
    height: int | None = None
    models: list[ModelAnswer] = []
    agree: bool | None = Field(
        default=None, description="Whether all models predict the same class."
    )
    warnings: list[str] = Field(
        default=[], description="How the tile differs from the training tiles."
    )
    notes: list[str] = Field(default=[], description="Conversions made to read the file.")
    picture: str | None = Field(
        default=None, description="The tile, shrunk, JPEG as a data URL; on request."
    )


class ModelPredictions(BaseModel):
    """The response of /predict: one tile per file, in the order sent."""

    research_use_only: str = RESEARCH_USE
    positive_means: str
    likeness: str = Field(description="The training tiles that new tiles are compared with.")
    tiles: list[TileAnswer]


class Problem(BaseModel):
    """Why a request as a whole was refused."""

    error: str


class Health(BaseModel):
    """The response of /healthz."""

    status: Literal["ok"] = "ok"
    version: str
    models: list[str]

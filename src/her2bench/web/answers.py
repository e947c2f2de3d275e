"""What the server answers, as the OpenAPI description shows it."""

from typing import Literal

from pydantic import BaseModel, Field

RESEARCH_USE = "Research use only; nothing here is for diagnosis."
CAVEATS = {
    "2+": " (a laboratory convention; 2+ is equivocal)",
    "3+": " (2+ is equivocal)",
    "1+": " (2+ is equivocal)",
}


class ModelAnswer(BaseModel):
    """What one model says of a tile: the mean of all its finished runs."""

    model: str
    name: str = Field(description="The model's name for people, as in the report.")
    runs: int = Field(description="Finished runs (seeds x folds) behind the mean.")
    call: Literal["positive", "negative"] = Field(
        description="By the mean logit against the mean of the runs' frozen thresholds."
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
    heatmap: str | None = Field(
        default=None,
        description="Grad-CAM over the tile, PNG with transparency as a data URL, on request; "
        "null where nothing in the tile speaks for positive.",
    )


class TileAnswer(BaseModel):
    """What is said of one file: `error`, or the rest."""

    name: str = Field(description="The file's name as sent. Show it as text, never as HTML.")
    error: str | None = Field(default=None, description="Why the file was not accepted.")
    width: int | None = None
    height: int | None = None
    models: list[ModelAnswer] = []
    agree: bool | None = Field(default=None, description="Whether all models make the same call.")
    warnings: list[str] = Field(
        default=[], description="In which ways it is unlike the training tiles."
    )
    notes: list[str] = Field(default=[], description="What was done to the file to read it.")
    picture: str | None = Field(
        default=None, description="The tile, shrunk, JPEG as a data URL; on request."
    )


class ModelPredictions(BaseModel):
    """The answer to /predict: a tile a file, in the order sent."""

    research_use_only: str = RESEARCH_USE
    positive_means: str
    likeness: str = Field(description="What tiles are compared with to find the unlike ones.")
    tiles: list[TileAnswer]


class Problem(BaseModel):
    """Why a request as a whole was refused."""

    error: str


class Health(BaseModel):
    """The answer to /healthz."""

    status: Literal["ok"] = "ok"
    version: str
    models: list[str]

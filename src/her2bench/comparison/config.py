"""The settings of a comparison: models, tiles, training and scoring."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from her2bench.core.config import Settings
from her2bench.core.errors import nearest, shown
from her2bench.core.predictions import check_model_name
from her2bench.core.vocabulary import BASELINES, Endpoint, model_name
from her2bench.data.decoding.squares import Square
from her2bench.data.splitting.splits import SplitSettings
from her2bench.data.tile_cache.pixels import Decoding
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.training.recipe import Recipe


class ComparisonConfig(Settings):
    """Every setting of `her2bench compare`; `comparison.toml` contains them all with defaults."""

    manifest: Path
    endpoint: Endpoint = "2+"
    models: tuple[str, ...] = Field(min_length=1, max_length=1000)
    baselines: tuple[str, ...] = ("always_positive", "dab_baseline", "background_baseline")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, max_length=1000)
    size: int = Field(default=299, ge=1, le=4096)
    decoding: Decoding = "exact"
    square: Square = "squash"  # of tiles that are not square
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    licence: str = ""  # of the images, for the model cards
    split: SplitSettings = SplitSettings()
    recipe: Recipe = Recipe()
    score: ScoreSettings = ScoreSettings()

    @field_validator("models", "seeds", "baselines")
    @classmethod
    def _once(cls, value: tuple) -> tuple:
        if len(set(value)) != len(value):
            raise ValueError("each one only once")
        return value

    @field_validator("seeds")
    @classmethod
    def _not_negative(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not all(0 <= seed < 2**32 for seed in value):
            raise ValueError("seeds must be between 0 and 4294967295")
        return value

    @field_validator("baselines")
    @classmethod
    def _registered(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in BASELINES:
                hint = nearest(name, BASELINES) or f"one of {', '.join(BASELINES)}"
                raise ValueError(f"unknown baseline {shown(name)}: {hint}")
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """The networks' names, in tables and folders."""
        return tuple(map(model_name, self.models))

    def epochs(self, model: str) -> int:
        """The epochs of each run of a model, over all learning rates; 0 for a baseline."""
        if model in self.baselines:
            return 0
        return self.recipe.epochs * len(self.recipe.rates_for(model))

    @model_validator(mode="after")
    def _named_apart(self) -> "ComparisonConfig":
        for name in self.names:
            if why := check_model_name(name) or ("" if name else "a name"):
                raise ValueError(f"models: {shown(name)} is not a model name, which is {why}")
        folders = [name.casefold() for name in (*self.names, *self.baselines)]
        twice = [name for name in folders if folders.count(name) > 1]
        if twice:
            raise ValueError(
                f"models: two have the name {shown(twice[0])}; write name=package.module:Class"
            )
        return self

    @model_validator(mode="after")
    def _rates_for_all(self) -> "ComparisonConfig":
        rates = self.recipe.learning_rates
        missing = [m for m in self.names if isinstance(rates, dict) and m not in rates]
        if missing:
            raise ValueError(f"recipe.learning_rates has no entry for {', '.join(missing)}")
        return self


def trained_by(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that determine a run; the others may change in a folder with runs.

    Of `[score]` only the threshold rule, which chooses each run's frozen threshold. The path of the
    manifest does not matter, only its rows and the tiles' pixels.
    """
    score = settings.get("score")
    rule = score.get("threshold") if isinstance(score, dict) else None
    kept = {k: v for k, v in settings.items() if k not in ("manifest", "licence", "run")}
    if kept.get("square") == "squash":
        del kept["square"]  # folders of earlier versions have no such setting
    return {**kept, "score": {"threshold": rule}}

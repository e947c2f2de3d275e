"""The settings of a comparison: models, tiles, training and scoring."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from her2bench.comparison.tuning_checks import tuning_problem
from her2bench.core.config import Settings, problems, settings_from
from her2bench.core.errors import UserError, nearest, shown
from her2bench.core.predictions import check_model_name
from her2bench.core.report_settings import ReportSettings, unknown_models
from her2bench.core.vocabulary import BASELINES, LARGEST_SIZE, Endpoint, model_name
from her2bench.data.decoding.squares import Square
from her2bench.data.splitting.splits import SplitSettings
from her2bench.data.tile_cache.pixels import Decoding
from her2bench.evaluation.scoring.ensembles import ensembles_problem
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.slide_settings import SlideSettings
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.training.network_options import FULL, NetworkOptions
from her2bench.training.recipe import Recipe, changed_recipe
from her2bench.training.tuning_settings import TuningSettings, TuningSpace

SCORE_BASELINES = ("score_frequencies", "dab_baseline", "background_baseline")
"""The default with the endpoint `score`."""


class ComparisonConfig(Settings):
    """Every setting of `her2bench compare`; `comparison.toml` contains them all with defaults.

    Attributes:
        manifest: the table of tiles, `.csv` or `.parquet`; relative to the working directory.
        endpoint: what counts as positive: `2+` (2+/3+ against 0/1+), `3+`, `1+`, or `status`, the
            confirmed HER2 status of the manifest; or `score`: the four scores, each with its
            probability.
        models: the networks: built-in names, `timm:NAME`, `package.module:Class`, or any of these
            under another name, `NAME=NETWORK`.
        baselines: the simple models they are compared with; with the endpoint `score`
            `score_frequencies` takes the place of `always_positive`.
        seeds: each network is trained once per seed; three or more let verdicts be about recipes.
        size: side of a tile in pixels when a network sees it; larger and smaller ones are resized.
        square: what is done with tiles that are not square: `squash`, `crop`, or `pad` with the
            white point.
        decoding: `exact`: full resolution, then resized; `fast`: JPEGs decoded at a smaller scale.
        precision: of training on a GPU; on a CPU `32-true`.
        licence: of the images, for the model cards.
        split: how tiles are divided into train, val and test.
        recipe: how networks are trained.
        network: how a network starts and what of it is trained, by its name.
        tuning: trials that choose settings of the recipe for each model; none by default.
        score: the statistics.
        slide: scores at slide level too: how the tiles of a slide are put together.
        report: how the report shows the comparison.
    """

    manifest: Path
    endpoint: Endpoint = "2+"
    models: tuple[str, ...] = Field(min_length=1, max_length=1000)
    baselines: tuple[str, ...] = ("always_positive", "dab_baseline", "background_baseline")
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, max_length=1000)
    size: int = Field(default=299, ge=1, le=LARGEST_SIZE)
    decoding: Decoding = "exact"
    square: Square = "squash"
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    licence: str = ""  # of the images, for the model cards
    split: SplitSettings = SplitSettings()
    recipe: Recipe = Recipe()
    network: dict[str, NetworkOptions] = Field(default={}, max_length=1000)
    tuning: TuningSettings | None = None
    score: ScoreSettings = ScoreSettings()
    slide: SlideSettings | None = None
    report: ReportSettings = ReportSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_scores(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("endpoint") != "score":
            return data
        recipe = data.get("recipe", {})
        if isinstance(recipe, dict):
            recipe = {"pos_weight": "inverse-frequency", **recipe}
        return {"baselines": SCORE_BASELINES, **data, "recipe": recipe}

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
        if model in self.baselines or self.options(model).training == "frozen":
            return 0
        recipe = self.recipe_for(model)
        return recipe.epochs * len(recipe.rates_for(model))

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

    def options(self, model: str) -> NetworkOptions:
        """How a network starts and what of it is trained."""
        return self.network.get(model, FULL)

    def recipe_for(self, model: str) -> Recipe:
        """How a network is trained: `[recipe]`, but for what `[network.NAME.recipe]` changes."""
        return changed_recipe(self.recipe, self.options(model).recipe)

    def space_for(self, model: str) -> TuningSpace:
        """The ranges of a network's trials."""
        return self.options(model).tuning or (self.tuning.space if self.tuning else TuningSpace())

    @model_validator(mode="after")
    def _options_of_models(self) -> "ComparisonConfig":
        for name in self.network:
            if name not in self.names:
                hint = nearest(name, self.names) or f"one of {', '.join(self.names)}"
                raise ValueError(f"network.{shown(name)} is not among the models: {hint}")
            if self.network[name].arguments and name in self.models:
                raise ValueError(
                    f"network.{name}.arguments make another network of {name}: give it a name, "
                    f'such as models = ["{name}_2={name}"] and [network.{name}_2]'
                )
            try:
                self.recipe_for(name)
            except ValidationError as error:
                raise ValueError(f"network.{name}.recipe: {problems(Recipe, error)}") from error
        return self

    @model_validator(mode="after")
    def _sections_of_models(self) -> "ComparisonConfig":
        models = (*self.names, *self.baselines)
        ensembles = ensembles_problem(self.score.ensembles, models)
        found = f"score.ensembles.{ensembles}" if ensembles else ""
        if problem := found or unknown_models(self.report, models):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _weights_of_endpoint(self) -> "ComparisonConfig":
        recipes = {"recipe": self.recipe}
        recipes |= {f"network.{name}.recipe": self.recipe_for(name) for name in self.network}
        for where, recipe in recipes.items():
            given = f"{where}.pos_weight = {shown(recipe.pos_weight)}"
            of_scores = recipe.pos_weight in ("none", "inverse-frequency")
            if self.endpoint == "score" and not of_scores:
                raise ValueError(
                    f"{given} is a weight of positive tiles: with endpoint = 'score' write "
                    "'inverse-frequency' or 'none'"
                )
            if self.endpoint != "score" and recipe.pos_weight == "inverse-frequency":
                raise ValueError(f"{given} is for endpoint = 'score': write 'negatives/positives'")
        return self

    @model_validator(mode="after")
    def _whole_slides(self) -> "ComparisonConfig":
        if self.slide is not None and self.split.kind == "random-tiles":
            raise ValueError("slide: split.kind 'random-tiles' divides slides; leave out [slide]")
        return self

    @model_validator(mode="after")
    def _metric_of_endpoint(self) -> "ComparisonConfig":
        given = f"score.primary = {shown(self.score.primary)} is a metric of the four scores"
        if METRICS[self.score.primary].kind == "ordinal":
            if self.endpoint != "score":
                raise ValueError(f"{given}: write endpoint = 'score', or another metric")
            if self.slide is not None and self.slide.aggregate != "mean":
                raise ValueError(f"{given}: slides have it with slide.aggregate = 'mean' alone")
        return self

    @model_validator(mode="after")
    def _rates_for_all(self) -> "ComparisonConfig":
        trained = [m for m in self.names if self.options(m).training != "frozen"]
        rates = {m: self.recipe_for(m).learning_rates for m in trained}
        missing = [m for m, given in rates.items() if isinstance(given, dict) and m not in given]
        if missing:
            raise ValueError(f"recipe.learning_rates has no entry for {', '.join(missing)}")
        if problem := tuning_problem(self):
            raise ValueError(problem)
        return self


_MAY_CHANGE = ("manifest", "licence", "report", "run", "score", "slide", "seeds", "baselines")


def trained_by(settings: dict[str, Any], names: Collection[str] | None = None) -> dict[str, Any]:
    """The settings that determine the runs of some models; the others may change in a folder.

    Models, seeds and baselines may be added and removed: they only say which runs there are. Of the
    models, the class, the options and the learning rates of those named count. The path of the
    manifest does not matter, only its rows and the tiles' pixels.

    Args:
        settings: as comparison.toml or a run's config.toml holds them, of this version or earlier.
        names: of networks; all of them by default.
    """
    known = _with_defaults(settings)
    entries = {model_name(entry): entry for entry in known.get("models", ())}
    mine = entries if names is None else {n: entries[n] for n in entries if n in names}
    kept = {key: value for key, value in known.items() if key not in _MAY_CHANGE}
    recipe, options = dict(known.get("recipe") or {}), known.get("network") or {}
    rates = recipe.get("learning_rates")
    recipe["learning_rates"] = {n: rates.get(n) if isinstance(rates, dict) else rates for n in mine}
    chosen = {"models": mine, "network": {n: o for n, o in options.items() if n in mine}}
    return kept | chosen | {"recipe": recipe}


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of an earlier version, with what it did not have yet."""
    given = {key: value for key, value in settings.items() if key != "run"}
    try:
        filled = settings_from(ComparisonConfig, given, "")
    except UserError:  # of a later version, or damaged
        return given
    return filled.model_dump(mode="json", exclude_none=True)

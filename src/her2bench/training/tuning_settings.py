"""The settings of tuning: how many trials each model has, and the ranges they draw from."""

from pydantic import Field, field_validator, model_validator

from her2bench.core.config import Settings
from her2bench.training.recipe import Recipe, changed_recipe

Range = tuple[float, float]
Values = dict[str, float]
"""Setting → the value of a trial."""
STRENGTHS = (1e-4, 10.0)
"""The range of the regularisation, unless another is given."""


class TuningSpace(Settings):
    """The ranges that trials draw from, `[lowest, highest]`; a setting without one is not tuned.

    A range is drawn from on a logarithmic scale where its highest value is ten or more times its
    lowest.

    Attributes:
        learning_rate: of the recipe, in place of its `learning_rates`.
        weight_decay: of the recipe.
        augment_strength: of the recipe.
        label_smoothing: of the recipe.
        batch: of the recipe, whole numbers.
        regularisation: scikit-learn's C of the logistic regressions: baselines and heads of frozen
            networks; a lower value regularises more. These are always tuned, by default from 0.0001
            to 10.
    """

    learning_rate: Range | None = None
    weight_decay: Range | None = None
    augment_strength: Range | None = None
    label_smoothing: Range | None = None
    batch: tuple[int, int] | None = None
    regularisation: Range | None = None

    @field_validator("*")
    @classmethod
    def _ascending(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is None:
            return value
        low, high = value
        if low > high:
            raise ValueError(f"the range is turned round: write [{high:g}, {low:g}]")
        if not low < high:
            raise ValueError("a range needs two different numbers, lowest first")
        return value

    @field_validator("regularisation")
    @classmethod
    def _above_zero(cls, value: Range | None) -> Range | None:
        if value is not None and not 1e-9 <= value[0] < value[1] <= 1e9:
            raise ValueError("regularisation must be between 1e-9 and 1e9")
        return value

    @property
    def of_recipe(self) -> dict[str, Range]:
        """Setting of the recipe → its range, of those that are tuned."""
        ranges = self.model_dump(exclude={"regularisation"}, exclude_none=True)
        return {name: tuple(ends) for name, ends in ranges.items()}

    @property
    def of_regression(self) -> dict[str, Range]:
        """The same for a logistic regression."""
        return {"regularisation": self.regularisation or STRENGTHS}


class TuningSettings(Settings):
    """How settings are tuned: the same budget for every model, on each fold's validation slides.

    Attributes:
        trials: of each model on each fold; or give `seconds`.
        seconds: of training that the trials of each model on each fold may take; or give `trials`.
        pruning: stop a trial whose validation loss is above the median of the earlier ones.
        space: the ranges for all models; `[network.NAME.tuning]` takes its place for one network.
    """

    trials: int | None = Field(default=None, ge=1, le=10_000)
    seconds: float | None = Field(default=None, gt=0, le=1e7)
    pruning: bool = True
    space: TuningSpace = TuningSpace(learning_rate=(1e-4, 1e-2))

    @model_validator(mode="after")
    def _one_budget(self) -> "TuningSettings":
        if (self.trials is None) == (self.seconds is None):
            raise ValueError("give either trials or seconds: one budget, the same for every model")
        return self


def is_logarithmic(ends: Range) -> bool:
    """Whether a range is drawn from on a logarithmic scale.

    >>> is_logarithmic((1e-4, 1e-2)), is_logarithmic((0.0, 0.1)), is_logarithmic((16, 64))
    (True, False, False)
    """
    return 0 < ends[0] <= ends[1] / 10


def tuned_recipe(recipe: Recipe, values: Values) -> Recipe:
    """A recipe with the values of a trial.

    >>> tuned_recipe(Recipe(), {"learning_rate": 0.002, "batch": 16}).learning_rates
    (0.002,)
    """
    changes: dict[str, object] = {k: v for k, v in values.items() if k != "learning_rate"}
    if "learning_rate" in values:
        changes["learning_rates"] = (values["learning_rate"],)
    return changed_recipe(recipe, changes)


def values_of(recipe: Recipe, model: str, names: list[str]) -> Values:
    """The values that a recipe with one learning rate has for settings of a space."""
    given = recipe.model_dump() | {"learning_rate": recipe.rates_for(model)[0]}
    return {name: given[name] for name in names}

"""The recipe: all training settings."""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from her2bench.core.config import Settings

Augmentation = Literal["flip", "rotate", "crop", "stain", "white", "blur", "jpeg"]
LossName = Literal["cross-entropy", "focal", "logit-adjusted"]


class Recipe(Settings):
    """How networks are trained; the same for each, unless learning rates are given by model.

    Each learning rate is tried, and the one with the lowest validation loss is kept: the same
    budget for each model.

    Attributes:
        epochs: passes over the training tiles, at each learning rate.
        batch: tiles per step.
        learning_rates: those tried, a list for all networks or a table with a list for each.
        pos_weight: weight of a positive tile in the loss: a rule, or a number. With the endpoint
            `score`: `inverse-frequency`, every score has the same weight in all (the default
            there), or `none`.
        normalise: subtract the mean and divide by the deviation of the training tiles, by channel.
        augment: random changes of training tiles, in the order of a slide's way to a file.
        augment_strength: factor on how far `crop`, `stain`, `white`, `blur` and `jpeg` change a
            tile; 0: not at all. `flip` and `rotate` have no strength.
        keep: which epoch's weights are kept.
        optimiser: the optimiser.
        weight_decay: of the optimiser; biases and normalisation layers do not decay.
        schedule: of the learning rate over the epochs.
        warmup: epochs in which the learning rate rises to its value.
        average: decay of a moving average of the weights, which is validated and kept; 0: none.
        loss: the loss function.
        label_smoothing: share by which targets are moved to the middle.
        patience: epochs without a lower validation loss after which a training stops.
        clip: largest norm of a step's gradients.
    """

    epochs: int = Field(default=20, ge=1, le=100_000)
    batch: int = Field(default=32, ge=1, le=100_000)
    learning_rates: tuple[float, ...] | dict[str, tuple[float, ...]] = (1e-4,)
    pos_weight: (
        Literal["none", "negatives/positives", "total/positives", "inverse-frequency"]
        | Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    ) = "negatives/positives"
    normalise: bool = True
    augment: tuple[Augmentation, ...] = ()
    augment_strength: float = Field(default=1.0, ge=0, le=2)
    keep: Literal["last", "best-validation-loss"] = "best-validation-loss"
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = Field(default=0.0, ge=0, le=1000)
    average: float = Field(default=0.0, ge=0, lt=1)
    loss: LossName = "cross-entropy"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    patience: int | None = Field(default=None, ge=1)
    clip: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @field_validator("learning_rates")
    @classmethod
    def _positive(cls, value: tuple[float, ...] | dict[str, tuple[float, ...]]) -> object:
        for rates in value.values() if isinstance(value, dict) else [value]:
            if not rates or not all(0 < rate < 1 for rate in rates):
                raise ValueError("learning rates must be between 0 and 1, at least one")
            if len(set(rates)) < len(rates):
                raise ValueError("each learning rate only once")
        return value

    @model_validator(mode="after")
    def _of_use(self) -> "Recipe":
        if self.warmup and self.warmup >= self.epochs:
            raise ValueError("warmup takes all epochs: make it shorter than epochs")
        if self.patience and self.keep == "last":
            raise ValueError('patience needs keep = "best-validation-loss"')
        return self

    def rates_for(self, model: str) -> tuple[float, ...]:
        """The learning rates to try for a model."""
        if not isinstance(self.learning_rates, dict):
            return self.learning_rates
        return self.learning_rates[model]


def changed_recipe(recipe: Recipe, changes: dict[str, Any]) -> Recipe:
    """A recipe with some settings changed.

    >>> changed_recipe(Recipe(), {"epochs": 3}).epochs
    3
    """
    return Recipe.model_validate(recipe.model_dump() | changes) if changes else recipe


def positive_weight(rule: str | float, positives: int, negatives: int) -> float:
    """The weight of a positive tile in the loss.

    `negatives/positives` balances the classes. `total/positives` is what the study used; it
    increases the weight of the majority class.

    >>> round(positive_weight("total/positives", 2775, 1121), 3)
    1.404
    >>> round(positive_weight("negatives/positives", 2775, 1121), 3)
    0.404
    """
    if isinstance(rule, int | float):
        return float(rule)
    return {
        "none": 1.0,
        "negatives/positives": negatives / positives,
        "total/positives": (positives + negatives) / positives,
    }[rule]


def score_weights(rule: str | float, scores: np.ndarray) -> np.ndarray:
    """The weight of the tiles of each score in the loss, (4,); their mean over all tiles is 1.

    >>> score_weights("inverse-frequency", np.array([0, 0, 0, 1, 3, 3])).round(2).tolist()
    [0.67, 2.0, 0.0, 1.0]
    """
    counts = np.bincount(scores, minlength=4)
    if rule == "none":
        return np.ones(4)
    each = len(scores) / np.count_nonzero(counts)
    return np.divide(each, counts, out=np.zeros(4), where=counts > 0)

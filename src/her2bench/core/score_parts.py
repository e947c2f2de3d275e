"""Parts of `scores.json` beside rows and pairs: optimism, tuning, ensembles, subgroups."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Optimism:
    """A model's test metric by the comparison's split and by random tiles, and the difference."""

    model: str
    metric: str
    value: float
    random_tiles: float
    optimism: float


@dataclass(frozen=True)
class TunedModel:
    """The settings that a model's trials chose on the validation slides of one fold.

    Args:
        model: a network or a baseline.
        fold: the fold.
        trials: how many were made, stopped ones included.
        pruned: how many of them were stopped early, or diverged.
        seconds: of training, of all trials.
        loss: the least validation loss, that of the chosen values.
        values: setting → the chosen value, used with every seed of the fold.
        space: setting → the lowest and the highest value that could be drawn.
    """

    model: str
    fold: int
    trials: int
    pruned: int
    seconds: float
    loss: float
    values: dict[str, float]
    space: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Ensemble:
    """A model that is derived from others: the mean logit of their networks for each tile.

    Args:
        name: its name among the models.
        models: those it is made of, each of one weight.
        networks: how many networks judge a test tile.
        folds: whether networks of all folds judge every test tile, and are averaged too.
    """

    name: str
    models: tuple[str, ...]
    networks: int
    folds: bool = False


@dataclass(frozen=True)
class Subgroup:
    """A metric of one model on the test tiles with one value of a column.

    `counted_groups` are the slides that hold the tiles the metric is a statement about; `tested`
    says whether these are enough for a test.
    """

    model: str
    column: str
    subgroup: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    method: str
    tiles: int
    groups: int
    counted_groups: int
    tested: bool


@dataclass(frozen=True)
class Interaction:
    """How far one subgroup lies from the mean of the others, in a metric or a difference.

    Without `model_b` it is about the value of model_a; with it, about the difference of model_a
    less model_b. `contrast` is that of the subgroup less the mean of the `others`, `low` to `high`
    its interval, uncorrected; `p_adjusted` is Holm's over all subgroups and models (pairs) of one
    column, metric and `family`. None where a number is undefined.
    """

    column: str
    subgroup: str
    others: str
    metric: str
    model_a: str
    model_b: str | None
    contrast: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    df: float | None
    decision: Literal["differs", "undecided", "undefined"]
    method: str
    family: str

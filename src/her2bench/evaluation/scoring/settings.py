"""What a user may choose about the statistics; the `[score]` section of a comparison."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from her2bench.core.errors import shown
from her2bench.core.predictions import check_model_name
from her2bench.core.vocabulary import BASELINES
from her2bench.evaluation.statistics.metrics import registered

LEAST_BOOTSTRAP = 200

MetricName = Annotated[str, AfterValidator(registered)]


class ThresholdRule(BaseModel):
    """How a run's threshold is found: set beforehand, or chosen on its validation tiles.

    `fixed` takes `logit` or `probability` (0.5 where neither is given); `youden` maximises
    sensitivity + specificity; `sensitivity` and `specificity` reach `value` and then do as well
    as they can on the other. There is no way to choose a threshold on test tiles.

    Attributes:
        kind: the rule.
        logit: the threshold of the rule `fixed`, as a logit.
        probability: the threshold of the rule `fixed`, as a probability.
        value: the sensitivity or specificity to reach on validation tiles.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["fixed", "youden", "sensitivity", "specificity"] = "fixed"
    logit: float | None = Field(default=None, ge=-1e6, le=1e6)
    probability: float | None = Field(default=None, gt=0, lt=1)
    value: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        wants_value = self.kind in ("sensitivity", "specificity")
        if wants_value != (self.value is not None):
            raise ValueError(
                f"threshold kind {self.kind!r} {'needs a' if wants_value else 'takes no'} value"
                + (", for example value = 0.95" if wants_value else "")
            )
        given = [name for name in ("logit", "probability") if getattr(self, name) is not None]
        if given and self.kind != "fixed":
            raise ValueError(f"{given[0]} is for threshold kind 'fixed', not {self.kind!r}")
        if len(given) == 2:
            raise ValueError("give logit or probability, not both")
        return self


class ScoreSettings(BaseModel):
    """The choices behind a `scores.json`, all with defaults that suit a first look.

    Attributes:
        threshold: how each run's threshold is found.
        confidence: level of all intervals; tests use 1 − confidence as alpha.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: ThresholdRule = ThresholdRule()
    primary: MetricName = Field(default="roc_auc", description="the metric the verdict rests on")
    margin: float = Field(default=0.02, gt=0, lt=1, description="two models closer are equivalent")
    confidence: float = Field(default=0.95, gt=0.5, le=0.9999)
    bootstrap: int = Field(
        default=2000,
        ge=0,
        le=1_000_000,
        description=f"replicates, at least {LEAST_BOOTSTRAP}; 0: linearised intervals",
    )
    flips: int = Field(
        default=9999, ge=99, le=1_000_000, description="sign flips of the permutation test"
    )
    bins: int = Field(
        default=15, ge=2, le=10_000, description="equal-mass bins of the calibration error"
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="of the bootstrap and the permutation test"
    )
    by: tuple[str, ...] = Field(default=(), description="columns to break the calls down by")
    mcnemar: bool = Field(default=False, description="the tile-level test beside ours")
    at_specificity: float | None = Field(
        default=None, gt=0, lt=1, description="also sensitivity at this specificity"
    )
    at_sensitivity: float | None = Field(
        default=None, gt=0, lt=1, description="also specificity at this sensitivity"
    )
    partial_auc: float | None = Field(
        default=None, gt=0, lt=1, description="also ROC-AUC up to this false positive rate"
    )
    prevalence: float | None = Field(
        default=None, gt=0, lt=1, description="also PPV, NPV and net benefit at this prevalence"
    )
    seed_ensembles: bool = Field(
        default=False, description="also the mean logit of each model's seeds, as a model"
    )
    ensembles: dict[str, tuple[str, ...]] = Field(
        default={},
        max_length=100,
        description="further models, name = [models]: the mean logit of all their networks",
    )

    @field_validator("ensembles")
    @classmethod
    def _named(cls, ensembles: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, models in ensembles.items():
            if why := check_model_name(name) or ("" if name.strip() else "a name"):
                raise ValueError(f"{shown(name)} is not a model name, which is {why}")
            if name in BASELINES:
                raise ValueError(f"{name!r} is the name of a baseline: choose another")
            if not models or len(set(models)) < len(models):
                raise ValueError(f"{name}: name one model or more, each once")
        return ensembles

    @field_validator("bootstrap")
    @classmethod
    def _enough(cls, replicates: int) -> int:
        if 0 < replicates < LEAST_BOOTSTRAP:
            raise ValueError(
                f"{replicates} replicates cannot show the ends of an interval: give at least "
                f"{LEAST_BOOTSTRAP}, or 0 for linearised intervals"
            )
        return replicates

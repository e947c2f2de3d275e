"""Do the fast ways of training give the same results as the plain one?

    python -m benchmarks.agreement        a few minutes on two CPU cores

On a phantom drawn for this benchmark, two tables.

Ways of computing: the same seed by each choice of `Compute`. Convolutions then add the same
numbers in another order, so sums differ by float32 rounding. A batch's gradients show that and
nothing else: each way's may be FACTOR times as far from float64's as the plain way's are. Training
then jumps: where a gradient is next to nothing its rounding decides its sign, Adam divides it by
its own size, and the weight goes a whole step the other way. So trained logits agree to 1e-6 or,
where that happened, to some hundredths of their spread over the tiles. TOLERANCE bounds it, far
below what another seed changes.

Precision: bfloat16 has 8 bits, so a seed trains differently; only statistics over seeds compare.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.learning_rate_search import LearningRateSearch
from her2bench.comparison.plan import Job
from her2bench.comparison.prepared import prepare
from her2bench.core.config import settings_from
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder, RunFolder
from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.training.loop import fit
from her2bench.training.state import Fit, TrainingState

CPU = torch.device("cpu")
SIZE = 64
FACTOR, TOLERANCE = 3.0, 0.1
WAYS = (
    Compute(channels_last=True),
    Compute(piece=8),
    Compute(channels_last=True, piece=8),
)
SETTINGS = {
    "models": ["lenet", "alexnet", "mini_hahnet"],
    "seeds": [0, 1, 2, 3, 4],
    "size": SIZE,
    "split": {"kind": "grouped", "validation": 0.5, "test": 0.1},
    "recipe": {
        "epochs": 3,
        "batch": 16,
        "learning_rates": {"lenet": [1e-3], "alexnet": [1e-4], "mini_hahnet": [1e-4]},
        "augment": ["flip", "rotate"],
    },
}
Trained = tuple[Fit, np.ndarray]  # its fit, and its validation logits (n,)


@dataclass(frozen=True)
class Study:
    """The tiles, and the training runs on them."""

    config: ComparisonConfig
    fold: Fold
    prepare: Normalization
    folder: Path
    numbers: count = field(default_factory=count)

    def runs(
        self, model: str, precision: str = "32-true", way: Compute = PLAIN
    ) -> list[LearningRateSearch]:
        """A network's runs, one per seed."""
        config = self.config.model_copy(update={"precision": precision})
        folders = [RunFolder(self.folder / str(next(self.numbers))) for _ in config.seeds]
        return [
            LearningRateSearch(Job(model, seed, 0), config, self.fold, folder, way)
            for seed, folder in zip(config.seeds, folders, strict=True)
        ]

    def one_by_one(self, runs: Sequence[LearningRateSearch]) -> list[Trained]:
        """Train each run alone."""
        trained = []
        for run in runs:
            course, sides = _course(run), self._sides()
            fitted = fit(
                *(run.fabric, course.model, *sides, course.plan, course.checkpoint),
                course.listener,
            )
            trained.append((fitted, self._logits(run, course)))
        return trained

    def _sides(self) -> tuple:
        return self.fold.side("train"), self.fold.side("val")

    def _logits(self, run: LearningRateSearch, course: TrainingState) -> np.ndarray:
        rows, model = self.fold.side("val").rows, run.fabric.setup(course.model)
        return forward(model, self.fold.tiles, rows, self.prepare, course.plan.compute)


def _course(run: LearningRateSearch) -> TrainingState:
    return run.course(run.config.recipe.rates_for(run.job.model)[0], lambda row: None)


def main() -> None:
    ready_cpu()
    with tempfile.TemporaryDirectory() as folder:
        study = drawn(Path(folder))
        sides = [len(study.fold.side(split).rows) for split in ("train", "val")]
        print(f"{sides[0]} training and {sides[1]} validation tiles of {SIZE} px\n")
        ways(study)
        precisions(study)


def drawn(folder: Path, slides: int = 51, tiles: int = 6) -> Study:
    """A phantom in a folder, divided into sides."""
    write_phantom(
        folder / "tiles",
        PhantomSettings(slides=slides, tiles_per_slide=tiles, size=SIZE),
        workers=2,
    )
    settings = {"manifest": str(folder / "tiles" / "manifest.csv"), **SETTINGS}
    config = settings_from(ComparisonConfig, settings, "agreement")
    manifest, out = read_manifest(config.manifest), ComparisonFolder(folder / "out")
    fold = prepare(config, manifest, out, folder / "cache", False).folds(CPU)[0]
    return Study(config, fold, fold.normalization, folder / "runs")


def ways(study: Study) -> None:
    """Each way of computing against the plain one, for the first seed."""
    print(
        f"{'the same seed':<14}{'':<32}{'gradients from float64':>24}{'logits from plain, SDs':>26}"
    )
    for model in study.config.models:
        exact, plain = gradients(study, model, "64-true"), study.one_by_one(study.runs(model)[:2])
        own = _error(gradients(study, model), exact)
        other_seed = f"(another seed {_distance(plain[1:], plain[:1]):.1e})"
        print(f"{model:<14}{PLAIN!s:<32}{own:>12.1e}{'':<12}{other_seed:>26}")
        for way in WAYS:
            error = _error(gradients(study, model, way=way), exact)
            other = study.one_by_one(study.runs(model, way=way)[:1])
            logits = _judged(_distance(other, plain[:1]), TOLERANCE)
            print(f"{'':<14}{way!s:<32}  {_judged(error, FACTOR * own)}      {logits}")
    print()


def gradients(
    study: Study, model: str, precision: str = "32-true", way: Compute = PLAIN
) -> list[torch.Tensor]:
    """The gradients of the first batch, dropout and all, as float64."""
    course = _course(study.runs(model, precision, way)[0])
    way.set_on(course.model)
    rows = study.fold.side("train").rows[: study.config.recipe.batch]
    aims = study.fold.side("train").targets[: len(rows)].astype(float)
    (stored,) = study.fold.tiles.batches([rows])
    tiles = way.laid_out(study.prepare(stored))
    if precision == "64-true":
        course.model.double()
        tiles = tiles.double()
    torch.manual_seed(0)  # the same dropout
    loss = nn.functional.binary_cross_entropy_with_logits
    loss(course.model(tiles), torch.from_numpy(aims).to(tiles.dtype)).backward()
    return [w.grad.double() for w in course.model.parameters() if w.grad is not None]


def _error(found: Sequence[torch.Tensor], exact: Sequence[torch.Tensor]) -> float:
    """The largest relative error of a layer's gradient (norm of the difference)."""
    pairs = zip(found, exact, strict=True)
    return max(float((one - other).norm() / other.norm()) for one, other in pairs)


def precisions(study: Study) -> None:
    """bfloat16 against float32, over the seeds."""
    print(f"{'validation AUC':<14}{'float32':>16}{'bf16-mixed':>16}{'difference (SE)':>20}")
    for model in study.config.models:
        single = study.one_by_one(study.runs(model))
        mixed = study.one_by_one(study.runs(model, "bf16-mixed"))
        print(f"{model:<14}{_statistics(single, mixed)}")
    print()


def _distance(ones: Sequence[Trained], others: Sequence[Trained]) -> float:
    """The largest difference of logits, in standard deviations of the seed's own logits."""
    pairs = [(one, other) for (_, one), (_, other) in zip(ones, others, strict=True)]
    return max(float(np.abs(one - other).max() / other.std()) for one, other in pairs)


def _judged(found: float, bound: float) -> str:
    return f"{found:>10.1e} {'agrees' if found <= bound else 'DISAGREES':<9}"


def _statistics(ones: Sequence[Trained], others: Sequence[Trained]) -> str:
    """Mean and SD of both, and the mean paired difference with its standard error."""
    first, second = (
        np.array([fitted.epochs[fitted.epoch]["val_roc_auc"] for fitted, _ in each])
        for each in (ones, others)
    )
    paired = second - first
    error = paired.std(ddof=1) / np.sqrt(len(paired))
    each = "".join(f"{a.mean():>8.3f} ± {a.std(ddof=1):.3f}" for a in (first, second))
    return f"{each}{paired.mean():>+11.4f} ({error:.4f})"


if __name__ == "__main__":
    main()

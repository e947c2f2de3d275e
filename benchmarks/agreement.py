"""Do the fast ways of training come to what the plain one comes to?

    python -m benchmarks.agreement        a few minutes on two CPU cores

On a phantom drawn for the occasion, three tables.

Ways of computing: the same seed by each choice of `Compute`, against the plain one. Convolutions
then add the same numbers in another order, so each sum differs by float32 rounding, and training
amplifies what differs: Adam divides a gradient by its own size, however small. How much, the
plain training shows itself, when its fresh weights are nudged by float32's last place (a
relative 1.2e-7, up or down at random). Agreement is a difference of at most FACTOR times the
largest of a few such drifts: rounding strikes at every step, the nudge once.

Precision: bfloat16 has 8 bits, so a seed takes another way; only statistics over seeds compare.

Together: the seeds of a network at once, against one by one, each seed by the same yardstick
(in mixed precision a nudge by bfloat16's last place, 8e-3). The time ratio is a median over
alternating repeats.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import nn

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.job import preparation
from her2bench.comparison.plan import Job
from her2bench.comparison.prepared import prepare
from her2bench.comparison.sides import Fold
from her2bench.comparison.trials import Trials
from her2bench.core.config import settings_from
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder, RunFolder
from her2bench.data.phantom import PhantomSettings, write_phantom
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.forward import forward
from her2bench.prediction.preparation import Preparation
from her2bench.training.loop import Course, Fit, fit
from her2bench.training.together import fit_together

CPU = torch.device("cpu")
SIZE = 64
FACTOR = 3.0
NUDGES = 3
WAYS = (Compute(channels_last=True), Compute(piece=8), Compute(channels_last=True, piece=8))
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
REPEATS = 3
Trained = tuple[Fit, np.ndarray]  # what it came to, and its validation logits (n,)


@dataclass(frozen=True)
class Study:
    """The tiles, and the trainings to be had on them."""

    config: ComparisonConfig
    fold: Fold
    prepare: Preparation
    folder: Path
    numbers: count = field(default_factory=count)

    def runs(self, model: str, precision: str = "32-true", way: Compute = PLAIN) -> list[Trials]:
        """A network's runs, one a seed."""
        config = self.config.model_copy(update={"precision": precision})
        folders = [RunFolder(self.folder / str(next(self.numbers))) for _ in config.seeds]
        return [
            Trials(Job(model, seed, 0), config, self.fold, folder, self.prepare, way)
            for seed, folder in zip(config.seeds, folders, strict=True)
        ]

    def one_by_one(self, runs: Sequence[Trials], nudge: int | None = None) -> list[Trained]:
        """Train each run alone; its weights nudged, where a seed for that is given."""
        trained = []
        for run in runs:
            course, sides = _course(run), self._sides()
            if nudge is not None:
                _nudge(course.model, run.config.precision, nudge)
            fitted = fit(
                *(run.fabric, course.model, *sides, course.plan, course.checkpoint),
                course.on_epoch,
            )
            trained.append((fitted, self._logits(course)))
        return trained

    def together(self, runs: Sequence[Trials]) -> list[Trained]:
        """Train all runs at once."""
        courses = [_course(run) for run in runs]
        fits = fit_together(runs[0].fabric, courses, *self._sides())
        return [(f, self._logits(c)) for f, c in zip(fits, courses, strict=True)]

    def _sides(self) -> tuple:
        return self.fold.side("train"), self.fold.side("val")

    def _logits(self, course: Course) -> np.ndarray:
        rows = self.fold.side("val").rows
        return forward(course.model, self.fold.tiles, rows, self.prepare, course.plan.compute)


def _course(run: Trials) -> Course:
    (rate,) = run.config.recipe.rates_for(run.job.model)
    return run.course(rate, lambda row: None)


def _nudge(model: nn.Module, precision: str, seed: int) -> None:
    """Change each weight by the last place of the precision, up or down at random."""
    kind = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    unit, generator = torch.finfo(kind).eps, torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            sign = torch.randint(2, weight.shape, generator=generator) * 2 - 1
            weight.mul_(1 + unit * sign)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    ready_cpu()
    with tempfile.TemporaryDirectory() as folder:
        study = drawn(Path(folder))
        sides = [len(study.fold.side(split).rows) for split in ("train", "val")]
        print(f"{sides[0]} training and {sides[1]} validation tiles of {SIZE} px\n")
        ways(study)
        precisions(study)
        at_once(study)


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
    return Study(config, fold, preparation(config, fold), folder / "runs")


def ways(study: Study) -> None:
    """Each way of computing against the plain one, for the first seed."""
    print("largest difference of logits, in SDs of the logits over the tiles, the same seed")
    for model in study.config.models:
        plain = study.one_by_one(study.runs(model)[:1])
        drift = max(
            _difference(study.one_by_one(study.runs(model)[:1], nudge), plain)
            for nudge in range(NUDGES)
        )
        print(f"{model:<14}{'plain, nudged':<34}{drift:.1e}")
        for way in WAYS:
            other = study.one_by_one(study.runs(model, way=way)[:1])
            print(f"{'':<14}{way!s:<34}{_judged(_difference(other, plain), drift)}")
    print()


def precisions(study: Study) -> None:
    """bfloat16 against float32, over the seeds."""
    print(f"{'validation AUC':<14}{'float32':>16}{'bf16-mixed':>16}{'difference (SE)':>20}")
    for model in study.config.models:
        single = study.one_by_one(study.runs(model))
        mixed = study.one_by_one(study.runs(model, "bf16-mixed"))
        print(f"{model:<14}{_statistics(single, mixed)}")
    print()


def at_once(study: Study, model: str = "lenet") -> None:
    """The seeds together against one by one."""
    for precision in ("32-true", "bf16-mixed"):
        times: dict[str, list[float]] = {"one by one": [], "together": []}
        trained = {}
        for _ in range(REPEATS):
            for name, train in (("one by one", study.one_by_one), ("together", study.together)):
                seconds, trained[name] = _timed(train, study.runs(model, precision))
                times[name].append(seconds)
        ratio = statistics.median(times["one by one"]) / statistics.median(times["together"])
        alone, joint = trained["one by one"], trained["together"]
        print(f"{model}, {len(alone)} seeds, {precision}: together against one by one")
        drift = _difference(study.one_by_one(study.runs(model, precision), nudge=0), alone)
        print(f"  nudged     {drift:.1e} SD of logits")
        print(f"  together   {_judged(_difference(joint, alone), drift)}")
        print(f"  epochs     {[f.epoch for f, _ in alone]} {[f.epoch for f, _ in joint]}")
        print(f"  AUC        {_statistics(alone, joint)}")
        print(f"  speed      {ratio:.2f}x on this processor\n")


def _timed(
    train: Callable[[Sequence[Trials]], list[Trained]], runs: Sequence[Trials]
) -> tuple[float, list[Trained]]:
    start = time.perf_counter()
    trained = train(runs)
    return time.perf_counter() - start, trained


def _difference(ones: Sequence[Trained], others: Sequence[Trained]) -> float:
    """The largest difference of logits, in standard deviations of the seed's own logits."""
    pairs = [(one, other) for (_, one), (_, other) in zip(ones, others, strict=True)]
    return max(float(np.abs(one - other).max() / other.std()) for one, other in pairs)


def _judged(difference: float, drift: float) -> str:
    agree = "agrees" if difference <= FACTOR * drift else "DISAGREES"
    return f"{difference:.1e}   {agree}"


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

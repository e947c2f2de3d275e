"""How well are hidden slides found, and what do intervals on estimated slides cover?

    python -m benchmarks.hidden_slides --folder build/hidden        five phantoms of 51 slides
    python -m benchmarks.hidden_slides --folder build/hidden --bci  one of BCI's tile size too
    HER2BENCH_REAL_DATA=... python -m benchmarks.hidden_slides --folder ...  the real cores too

Phantoms are in BCI's layout: the estimate sees tiles, and scores where it says so; `truth.csv`
judges it. Pairs of neighbours and duplicates are not used: phantom tiles have none. Nothing of
the cores' files is looked at. The settings of the estimate were chosen on phantoms with
seeds 101 to 104.

Coverage: ROC-AUC 0.8, predictions simulated (`two_level.py`) on these very tiles and true slides,
slide effects independent of how slides look; the interval is computed with each tile as a slide,
with the estimated slides, and with the true ones. In brackets its width over that of true slides.
"""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import adjusted_rand_score

from benchmarks.two_level import TwoLevel, independent
from her2bench.audit.checks.hidden_slides import AT_RANDOM, crossing_ratio, pairs_kept
from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.slides.clustering import codes
from her2bench.audit.slides.inferred_slides import infer_slides
from her2bench.audit.slides.scanner_features import SCANNER_FEATURES
from her2bench.core.tables import read_table
from her2bench.data.sources.bci import bci_manifest
from her2bench.data.sources.images import Tiling, read_labels, tile_images
from her2bench.evaluation.scoring.metric_intervals import auc_interval
from her2bench.evaluation.statistics.arrays import LabelledTiles
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.phantom import PhantomSettings, write_phantom

CORRELATIONS = (0.1, 0.3, 0.5)
BINS, CONFIDENCE = 15, 0.95
Slides = dict[str, np.ndarray]


@dataclass(frozen=True)
class Case:
    """Tiles whose true slides are known.

    Attributes:
        name: for the tables.
        score: (n,) of each tile's slide.
        truth: (n,) codes of slides.
        observations: fingerprints of the tiles.
    """

    name: str
    score: np.ndarray
    truth: np.ndarray
    observations: Observations


def phantom_case(folder: Path, settings: PhantomSettings) -> Case:
    """A phantom in BCI's layout, drawn if it is not there yet."""
    out = folder / f"{settings.slides}x{settings.tiles_per_slide}-{settings.size}-{settings.seed}"
    write_phantom(out, settings)
    truth = read_table(out / "truth.csv").select(
        pl.col("path").str.split("/").list.last().str.replace(r"\.png$", "").alias("tile_id"),
        "group_id",
    )
    table = bci_manifest(out).join(truth, on="tile_id", how="left", maintain_order="left")
    name = f"phantom, {settings.size} px, {settings.slides} x {settings.tiles_per_slide} tiles"
    return _case(name, table)


def cores_case(folder: Path) -> Case:
    """The real cores in tiles of 512 pixels; nothing of their files is used."""
    labels = folder / "her2_tma" / "labels.csv"
    case = _case("10 real cores, 512 px", tile_images(read_labels(labels), Tiling(), labels))
    fields = case.observations.fields
    blind = fields | {"quantisation": np.zeros_like(fields["quantisation"])}
    return Case(case.name, case.score, case.truth, Observations(blind, case.observations.bad))


def _case(name: str, table: pl.DataFrame) -> Case:
    truth = codes(table["group_id"].to_numpy().astype(str))
    return Case(name, table["score"].to_numpy(), truth, observe(table, [SCANNER_FEATURES]))


def estimates(case: Case) -> Slides:
    """The estimated slides, by what was known."""
    number = int(case.truth.max()) + 1
    seen = case.observations
    return {
        "tiles alone": infer_slides(seen).group,
        "score is the slide's": infer_slides(seen, scores=case.score).group,
        "and number known": infer_slides(seen, scores=case.score, slides=number).group,
    }


def agreement(cases: list[Case], found: list[Slides]) -> None:
    """Print how right the estimates are over cases of a kind, the score by itself first."""
    truth = np.mean([case.truth.max() + 1 for case in cases])
    for name in ("score by itself", *found[0]):
        rows = []
        for case, each in zip(cases, found, strict=True):
            group = each.get(name, codes(case.score))
            rand = adjusted_rand_score(case.truth, group)
            rows.append((group.max() + 1, rand, *pairs_kept(case.truth, group)))
        number, rand, kept, right = np.mean(rows, axis=0)
        least, most = (f"{f([row[1] for row in rows]):.2f}" for f in (min, max))
        spread = f" ({least} to {most})" if len(rows) > 1 else ""
        cells = [
            f"{number:.0f} of {truth:.0f}",
            f"{rand:.2f}{spread}",
            f"{kept:.0%}",
            f"{right:.0%}",
        ]
        print(f"| {cases[0].name} | {name} | {' | '.join(cells)} |")


def coverage(cases: list[Case], found: list[Slides], correlation: float, repeats: int) -> None:
    """Print how often the interval holds the truth, and its width beside that of true slides."""
    study = TwoLevel(correlation=correlation, mixed=False, models=1)
    rng = np.random.default_rng(7)
    names = ("tiles as slides", *found[0], "true slides")
    hits, widths = dict.fromkeys(names, 0), {name: [] for name in names}
    for case, each in zip(cases, found, strict=True):
        sample = LabelledTiles(case.score >= 2, case.truth)
        kinds = [
            independent(sample),
            *(LabelledTiles(sample.targets, g) for g in each.values()),
            sample,
        ]
        for _ in range(repeats):
            (answers,) = study.answers(sample, rng)
            for name, kind in zip(names, kinds, strict=True):
                interval = auc_interval(estimate("roc_auc", kind, answers, BINS), CONFIDENCE)
                hits[name] += interval.low <= study.auc <= interval.high
                widths[name].append(interval.high - interval.low)
    all_repeats, true = repeats * len(cases), np.median(widths["true slides"])
    cells = [
        f"{100 * hits[name] / all_repeats:.1f} ({np.median(widths[name]) / true:.2f})"
        for name in names
    ]
    print(f"| {cases[0].name} | {correlation:g} | {' | '.join(cells)} |", flush=True)


def crossing(cases: list[Case], divisions: int = 100) -> None:
    """Print the crossing ratio of splits by tile and by slide, and how often it is a finding."""
    rng = np.random.default_rng(8)
    ratios: dict[str, list[float]] = {"by tile": [], "by slide": []}
    for case in cases:
        found = infer_slides(case.observations, scores=case.score)
        good = np.ones(len(case.truth), bool)
        for _ in range(divisions):
            test = rng.random(case.truth.max() + 1) < 0.2
            for name, sides in (("by tile", rng.random(len(good)) < 0.2), ("by slide", test)):
                split = sides if name == "by tile" else sides[case.truth]
                got = crossing_ratio(found, np.where(split, "test", "train"), good, case.score)
                ratios[name] += [got] if got is not None else []
    cells = [
        f"{min(each):.2f} to {max(each):.2f}, {np.mean(np.array(each) > AT_RANDOM):.1%}"
        for each in ratios.values()
    ]
    print(f"| {cases[0].name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Read the options, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where phantoms are kept")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--bci", action="store_true", help="tiles of 1024 px at 0.46 µm/pixel too")
    parser.add_argument("--repeats", type=int, default=1000)
    options = parser.parse_args()
    kinds = [
        [phantom_case(options.folder, PhantomSettings(seed=s, layout="bci")) for s in options.seeds]
    ]
    if options.bci:
        size = {"size": 1024, "mpp": 0.46, "slides": 20, "tiles_per_slide": 12}
        kinds.append([phantom_case(options.folder, PhantomSettings(layout="bci", **size))])
    if real := os.environ.get("HER2BENCH_REAL_DATA"):
        kinds.append([cores_case(Path(real))])
    found = [[estimates(case) for case in cases] for cases in kinds]
    print("| tiles | known | slides | adjusted Rand | same-slide pairs kept | pairs right |")
    print("| --- | --- | --- | --- | --- | --- |")
    for cases, each in zip(kinds, found, strict=True):
        agreement(cases, each)
    print(
        "\n| tiles | correlation | tiles as slides | tiles alone | score is the slide's | ",
        end="",
    )
    print("and number known | true slides |\n| --- | --- | --- | --- | --- | --- | --- |")
    for cases, each in zip(kinds, found, strict=True):
        for correlation in CORRELATIONS:
            coverage(cases, each, correlation, options.repeats)
    print("\n| tiles | crossing, a finding: split by tile | split by slide |\n| --- | --- | --- |")
    for cases in kinds:
        crossing(cases)


if __name__ == "__main__":
    main()

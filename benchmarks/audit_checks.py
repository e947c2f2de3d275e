"""What the audit's checks find on phantoms with a known fault, and on phantoms without any.

    python -m benchmarks.audit_checks --phantoms FOLDER    10 seeds; drawn there unless they are

1. The whole audit, as `her2bench audit` makes it: with the background tied to the target
   (`confounding` 0.8) it should be the first finding; without (0) no shortcut should be found, in
   at least 9 of 10 phantoms; both with the slides known and unknown.
2. The whole audit of a clean phantom with a grouped split: nothing worse than a note.
3. Labels: of positive slides' tiles, how many count as unstained, by their own true score.
4. Focus: how many tiles count as out of focus, unchanged and blurred.
5. Power: how often the difference computed beforehand is then detected, in simulated studies.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.rates import rates
from benchmarks.two_level import TwoLevel
from her2bench.audit.checks.image_quality import BLURRED
from her2bench.audit.checks.labels import LEAST_BROWN
from her2bench.audit.context import AuditContext
from her2bench.audit.features.audited_tile import AuditedTile
from her2bench.audit.features.extraction import file_facts
from her2bench.audit.features.quality import measure
from her2bench.audit.run import gather, judge
from her2bench.core.manifest import read_manifest, targets
from her2bench.data.splitting.splits import SplitSettings, make_splits
from her2bench.evaluation.statistics.differences import Difference
from her2bench.evaluation.statistics.estimates import estimate
from her2bench.evaluation.statistics.power import (
    Assumptions,
    Design,
    degrees,
    detectable_difference,
    difference_variance,
)
from her2bench.phantom import PhantomSettings, write_phantom

STUDIES = (
    TwoLevel(),
    TwoLevel(mixed=False),
    TwoLevel(shared=0.8),
    TwoLevel(groups=20),
    TwoLevel(groups=20, mixed=False),
    TwoLevel(groups=20, equal=True),
)


def evidence_of(folder: Path, seed: int, confounding: float) -> AuditContext:
    """A default phantom, drawn unless it is there, with a grouped split."""
    place = folder / f"seed-{seed}-confounding-{confounding:g}"
    write_phantom(place, PhantomSettings(seed=seed, confounding=confounding))
    manifest = read_manifest(place / "manifest.csv")
    target = targets(manifest, "2+")
    sides = make_splits(manifest, target, SplitSettings())
    split = manifest.select("tile_id").join(sides, "tile_id", "left", maintain_order="left")
    return gather(manifest, "2+", split["split"].to_numpy(), folder / "cache")


def without_slides(evidence: AuditContext) -> AuditContext:
    """The same tiles, their slides unknown."""
    return replace(evidence, manifest=evidence.manifest.drop("group_id"))


def shortcut_table(evidences: dict[tuple[int, float], AuditContext]) -> bool:
    """Print what is found in each phantom; whether all is as it should be."""
    heads = ("seed", "confounding", "first finding", "AUC", "slides unknown", "worse than a note")
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    first, alarms, dirty = 0, 0, 0
    for (seed, confounding), evidence in evidences.items():
        found = judge(evidence, "phantom").findings
        shortcuts = [f for f in found if f.kind.startswith("shortcut_")]
        blind = judge(without_slides(evidence), "phantom").findings
        blind = [f for f in blind if f.kind.startswith("shortcut_")]
        worse = [f.kind for f in found if f.severity != "note"]
        if confounding:
            first += found[0].kind == "shortcut_background"
        else:
            alarms += bool(shortcuts)
            dirty += bool(worse)
        named = ", ".join(f"{f.kind[9:]} {f.number:.2f}" for f in blind) or "none"
        top = f"{found[0].kind} | {found[0].number:.2f}" if found else "none | "
        print(f"| {seed} | {confounding:g} | {top} | {named} | {', '.join(worse) or 'none'} |")
    half = len(evidences) // 2
    print(f"\nbackground first: {first} of {half}; false alarms: {alarms} of {half}; "
          f"clean phantoms with more than notes: {dirty} of {half}\n")  # fmt: skip
    return first == half and alarms <= 1 and not dirty


def label_table(evidences: list[AuditContext]) -> None:
    """Share of positive slides' tiles that are called unstained, by the tiles' own true score."""
    called: dict[str, list[bool]] = {name: [] for name in ("no tumour", "0", "1", "2", "3")}
    for evidence in evidences:
        own = evidence.manifest["tile_score"].to_list()
        pale = evidence.observations["brown"] < LEAST_BROWN
        for row in np.flatnonzero(evidence.target == 1):
            name = "no tumour" if own[row] is None else str(own[row])
            called[name].append(bool(pale[row]))
    print("| a positive slide's tile by its own score | tiles | called unstained |")
    print("| --- | --- | --- |")
    for name, calls in called.items():
        print(f"| {name} | {len(calls)} | {100 * np.mean(calls):.1f}% |")
    print()


def focus_table(evidence: AuditContext, every: int = 10) -> None:
    """Share of tiles called out of focus, as they are and blurred by a Gaussian."""
    print("| blur (pixels) | called out of focus |\n| --- | --- |")
    for blur in (0, 1, 1.5, 2, 3, 5):
        calls = []
        for path in evidence.manifest["path"].to_list()[::every]:
            with Image.open(path) as image:
                rgb = np.asarray(image.filter(ImageFilter.GaussianBlur(blur)))
            values = measure(AuditedTile(rgb, file_facts(path), None))
            calls.append(np.asarray(values["sharpness"])[1] < BLURRED)
        print(f"| {blur} | {100 * np.mean(calls):.0f}% |")
    print()


def power_table(repeats: int) -> None:
    """The variance and degrees of freedom computed beforehand, and the power they give."""
    print("| study | variance expected / seen | df expected / seen | detectable | then detected |")
    print("| --- | --- | --- | --- | --- |")
    for study in STUDIES:
        rng = np.random.default_rng(0)
        assumed = Assumptions(likeness=study.shared)
        expected, seen, gaps = [], [], []
        for _ in range(100):
            sample, answers = study.draw(rng)
            counts = (
                np.bincount(sample.groups[k], minlength=sample.n_groups).astype(np.float64)
                for k in (sample.targets, ~sample.targets)
            )
            design = Design(*counts)
            pair = Difference(*(estimate("roc_auc", sample, each, 15) for each in answers))
            expected.append((difference_variance(design, assumed), degrees(design, assumed)))
            seen.append((pair.variance, pair.df))
            gaps.append(detectable_difference(design, assumed))
        gap = min(float(np.median(gaps)), 0.19)
        power = rates(replace(study, gap=gap), repeats, seed=1)["weights ours"]
        (variance, df), (variance_seen, df_seen) = np.mean(expected, axis=0), np.mean(seen, axis=0)
        held = "both classes" if study.mixed else "one class"
        name = f"{study.groups} slides of {held}, likeness {study.shared:g}"
        name += ", equal sizes" if study.equal else ""
        print(f"| {name} | {variance:.5f} / {variance_seen:.5f} | {df:.1f} / {df_seen:.1f} "
              f"| {gap:.3f} | {100 * power:.0f}% |")  # fmt: skip
    print()


def main() -> None:
    """Read the options, print all tables; exit 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--phantoms", type=Path, help="folder to draw into, or to read again")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=1000, help="simulated studies")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.phantoms or Path(scratch)
        evidences = {
            (seed, confounding): evidence_of(folder, seed, confounding)
            for seed in range(options.seeds)
            for confounding in (0.8, 0.0)
        }
        good = shortcut_table(evidences)
        clean = [evidence for (_, confounding), evidence in evidences.items() if not confounding]
        label_table(clean)
        focus_table(clean[0])
    power_table(options.repeats)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

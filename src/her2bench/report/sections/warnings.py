"""Warnings that qualify the numbers, and further notes."""

from collections import Counter
from dataclasses import dataclass

import polars as pl

from her2bench.core.score_notes import Note, NoteKind
from her2bench.core.vocabulary import SPLITS, model_label
from her2bench.report.inputs import ReportInputs
from her2bench.report.labels import relabelled
from her2bench.report.sections.summary import not_beating


@dataclass(frozen=True)
class ReportWarning:
    """A short title and its explanation. `optimistic`: the figures are too good."""

    title: str
    text: str
    optimistic: bool = False


_APART: tuple[NoteKind, ...] = ("random_tiles", "different_tiles", "no_better_than_baseline")
"""Notes with a warning of their own, for any shown split."""


def report_warnings(material: ReportInputs) -> list[ReportWarning]:
    """The warnings, most severe first."""
    return [
        *_unfinished(material),
        *_no_test(material),
        *_shared_tiles(material),
        *_different_tiles(material),
        *_random_tiles(material),
        *_from_audit(material),
        *note_warnings(material),
        *_baseline(material),
    ]


def optimistic_figures(material: ReportInputs) -> bool:
    """Whether every figure of the shown split is better than on new slides."""
    return any(caution.optimistic for caution in report_warnings(material))


def lesser_notes(material: ReportInputs) -> list[str]:
    """The notes of scores.json without a warning of their own."""
    return [
        relabelled(note.in_full)
        for note in material.scores.notes
        if note.kind not in _APART and not _of_shown_tiles(note, material)
    ]


def _unfinished(material: ReportInputs) -> list[ReportWarning]:
    missing = material.missing
    if not missing:
        return []
    runs = Counter(model for model, *_ in missing)
    named = ", ".join(f"{model_label(model)} ({number})" for model, number in runs.items())
    text = (
        f"Runs not finished, by model: {named}. The rest is shown. To finish, run "
        "`her2bench compare` again."
    )
    return [ReportWarning(f"Comparison unfinished: {len(missing)} run(s) missing", text)]


def _no_test(material: ReportInputs) -> list[ReportWarning]:
    if material.split in ("test", None):
        return []
    name = SPLITS[material.split]
    text = (
        f"There are no test tiles, so {name} tiles are shown. Weights and thresholds were chosen "
        "on them: every figure is optimistic, and no verdict is given."
    )
    return [ReportWarning(f"No test set: {name} tiles are shown", text, optimistic=True)]


def _different_tiles(material: ReportInputs) -> list[ReportWarning]:
    """Models with other training or validation tiles: those figures are not comparable."""
    return [
        ReportWarning(note.title, relabelled(note.text))
        for note in material.scores.notes
        if note.kind == "different_tiles"
    ]


def _random_tiles(material: ReportInputs) -> list[ReportWarning]:
    if (material.config.get("split") or {}).get("kind") != "random-tiles":
        return []
    text = (
        "Slides are split across partitions, so a model can recognise the slide instead of the "
        "stain. On real tiles this raised ROC-AUC by 0.06 to 0.11. These figures do not estimate "
        "the performance on new slides."
    )
    return [ReportWarning("Random tile split: every figure is optimistic", text, optimistic=True)]


def _shared_tiles(material: ReportInputs) -> list[ReportWarning]:
    """Tiles or slides in test and also in training or validation of the same fold."""
    if material.split != "test":
        return []
    tiles = _on_both_sides(material.predictions, "tile_id")
    if tiles:
        text = (
            f"{tiles} test tiles are also in training or validation, where weights and "
            "thresholds were chosen. The figures are optimistic and do not hold for new tiles."
        )
        return [ReportWarning("Tuned on test tiles", text, optimistic=True)]
    slides = _on_both_sides(material.predictions, "group_id") if material.grouped else 0
    if not slides or _random_tiles(material):
        return []
    text = f"{slides} slides have tiles in test and also in training or validation."
    return [ReportWarning("Slides on both sides of the split", text, optimistic=True)]


def _on_both_sides(predictions: pl.DataFrame, column: str) -> int:
    tested = predictions.filter(pl.col("split") == "test").select("fold", column).unique()
    others = predictions.filter(pl.col("split") != "test").select("fold", column).unique()
    return tested.join(others, on=["fold", column], how="semi").height


def _of_shown_tiles(note: Note, material: ReportInputs) -> bool:
    """Whether a note is a warning about the tiles that are shown."""
    return note.severity != "note" and material.split is not None and note.split == material.split


def note_warnings(material: ReportInputs) -> list[ReportWarning]:
    """The notes of scores.json that are warnings about the shown tiles."""
    return [
        ReportWarning(note.title, relabelled(note.text), optimistic=note.kind == "slides_unknown")
        for note in material.scores.notes
        if note.kind not in _APART and _of_shown_tiles(note, material)
    ]


def _from_audit(material: ReportInputs) -> list[ReportWarning]:
    """Serious findings, one per line; section 6 lists the rest."""
    findings = material.audit.findings if material.audit else ()
    said = {"groups_on_both_sides"} if _shared_tiles(material) or _random_tiles(material) else set()
    return [
        ReportWarning(finding.title, "What to do: see section 6.", finding.optimistic)
        for finding in findings
        if finding.severity == "serious" and finding.kind not in said
    ]


def _baseline(material: ReportInputs) -> list[ReportWarning]:
    losers = not_beating(material, "dab_baseline")
    if not losers:
        return []
    text = (
        f"{', '.join(model_label(m) for m in losers)}: not shown to beat five percentiles of stain "
        "amount with logistic regression. Such a network shows no benefit over stain amount."
    )
    return [ReportWarning("DAB baseline not beaten", text)]

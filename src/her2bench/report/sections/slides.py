"""Tiles and slides side by side: results, verdicts and notes."""

from collections import Counter
from dataclasses import dataclass, replace

import polars as pl

from her2bench.core.vocabulary import model_label
from her2bench.evaluation.scoring.slide_aggregates import in_words
from her2bench.report.formats import threshold_rule
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.results_table import Cell, shown_cells
from her2bench.report.sections.summary import Answer, answer
from her2bench.report.sections.warnings import ReportWarning, lesser_notes, note_warnings

METRICS = ("sensitivity", "specificity", "balanced_accuracy", "kappa", "accuracy")


@dataclass(frozen=True)
class SlideRow:
    """A model's results at one level."""

    model: str
    level: str
    kind: str
    cells: dict[str, Cell]


@dataclass(frozen=True)
class SlideLevel:
    """What the page shows of slides.

    Args:
        answer: the verdicts on slides.
        metrics: of the table, the primary one first.
        rows: for each model one of tiles and one of slides.
        slides: how many there are, and how many of them are positive.
        aggregate: how tiles were put together, in words.
        threshold: how the slides' thresholds were found, in words.
        warnings: on the scores of slides.
        notes: further ones.
    """

    answer: Answer
    metrics: list[str]
    rows: list[SlideRow]
    slides: int
    positive: int
    aggregate: str
    threshold: str
    warnings: list[ReportWarning]
    notes: list[str]


def slide_level(material: ReportInputs) -> SlideLevel | None:
    """The results at slide level; None where they were not asked for."""
    slide, slides = material.scores.slide, material.slides
    if slide is None or not slides.height:
        return None
    seen = replace(material, scores=slide)
    primary = material.settings.primary
    metrics = [primary, *(name for name in METRICS if name != primary)]
    scored = {row.model for row in slide.rows}
    labels = slides.unique("group_id")
    return SlideLevel(
        answer=answer(seen),
        metrics=metrics,
        rows=[
            SlideRow(
                model_label(model),
                level,
                "network" if model in material.networks else "base",
                shown_cells(inputs, model, tuple(metrics)),
            )
            for model in material.models
            if model in scored
            for level, inputs in (("tiles", material), ("slides", seen))
        ],
        slides=labels.height,
        positive=labels.filter(pl.col("target") == 1).height,
        aggregate=_aggregate(material),
        threshold=threshold_rule(seen.settings.threshold).replace("tiles", "slides"),
        warnings=note_warnings(seen),
        notes=lesser_notes(seen),
    )


def slide_sentence(material: ReportInputs) -> str:
    """How slides were scored, for the methods paragraph; empty where they were not."""
    found = slide_level(material)
    if found is None:
        return ""
    return (
        f"At slide level ({found.slides} slides, {found.positive} positive) a slide's probability "
        f"was {found.aggregate}; thresholds: {found.threshold}; intervals and tests take slides as "
        "independent."
    )


def _aggregate(material: ReportInputs) -> str:
    """How tiles were put together: one way, or those that validation slides chose."""
    slide = material.scores.slide
    runs = slide.aggregates if slide else ()
    counts = Counter(in_words(each) for each in runs)
    sources = {each.source for each in runs}
    if sources == {"fixed"}:
        return f"the {next(iter(counts))} (fixed beforehand)"
    if sources == {"default"}:
        return f"the {next(iter(counts))} (the default, as there are few validation slides)"
    chosen = "; ".join(f"{words} in {number} runs" for words, number in counts.most_common())
    return f"chosen on each run’s validation slides: {chosen}"

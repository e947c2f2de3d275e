"""The methods paragraph: what the folder records, and nothing guessed."""

from dataclasses import replace

import polars as pl

from her2bench.core.runs import ComparisonFolder
from her2bench.report.inputs import read_inputs
from her2bench.report.sections.methods_paragraph import ABSENT, methods_paragraph


def test_it_names_data_split_training_and_statistics(comparison: ComparisonFolder) -> None:
    text = methods_paragraph(read_inputs(comparison))
    for part in (
        "432 IHC tiles of 72 slides at 64 × 64 pixels",
        "144 training, 144 validation, 144 test tiles",
        "score 2+/3+ against 0/1+",
        "by whole slides",
        "LeNet, AlexNet",
        "2 seeds each",
        "primary metric was ROC-AUC",
        "95% intervals",
        "Holm’s method",
        "margin of ±0.02",
        "research use only",
    ):
        assert part in text, part


def test_the_date_and_the_hardware_are_those_of_the_runs(comparison: ComparisonFolder) -> None:
    material = read_inputs(comparison)
    runs = material.runs.with_columns(
        finished=pl.Series(["2026-01-02"] * (material.runs.height - 1) + ["2026-01-05"]),
        hardware=pl.lit("a GPU"),
    )
    text = methods_paragraph(replace(material, runs=runs))
    assert "date: 2026-01-02 to 2026-01-05" in text and "hardware: a GPU" in text


def test_what_is_not_recorded_is_said_to_be(comparison: ComparisonFolder) -> None:
    material = read_inputs(comparison)
    runs = material.runs.with_columns(finished=pl.lit(None, dtype=pl.String))
    text = methods_paragraph(replace(material, runs=runs))
    assert f"date: {ABSENT}" in text
    assert f"trained for {ABSENT} epochs" in text, "this config has no recipe"

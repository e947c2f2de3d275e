"""A comparison without test tiles, as the study's: still a table and a report, and it says so."""

import polars as pl

from her2bench.cli.results_text import print_results
from her2bench.comparison.compare import Choices, Watcher, compare
from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.core.scores import read_scores


def test_validation_rows_are_shown_and_no_difference(write_config, tmp_path, cache, capsys):
    path = write_config(split={"kind": "random-tiles", "validation": 0.25, "test": 0.0})
    config = load_settings(ComparisonConfig, path, ("recipe.epochs=1", "seeds=[0]"))
    folder = compare(config, tmp_path / "out", Choices("cpu", cache, audit=False), Watcher())
    table = pl.read_csv(folder.table)
    assert set(table["split"]) == {"train", "val"} and "lenet" in set(table["model"])
    scores = read_scores(folder.scores)
    assert not scores.pairs and any(note.kind == "no_test_tiles" for note in scores.notes)
    assert "No test set: validation tiles are shown" in folder.report.read_text(encoding="utf-8")
    print_results(folder)
    printed = capsys.readouterr().out
    assert "No test tiles: Models are not compared" in printed and " val " in printed
    assert "Differences in" not in printed

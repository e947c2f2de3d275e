"""Calls by score, slide and column; the ceiling of slide labels."""

import polars as pl
import pytest

from her2bench.core.errors import UserError
from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings


def table(**columns) -> pl.DataFrame:
    """Eight tiles in four slides with scores 0 to 3."""
    base = {
        "model": "m",
        "tile_id": [f"t{i}" for i in range(8)],
        "group_id": [f"s{i // 2}" for i in range(8)],
        "score": [0, 0, 1, 1, 2, 2, 3, 3],
        "target": [0, 0, 0, 0, 1, 1, 1, 1],
        "probability": [0.1, 0.2, 0.7, 0.4, 0.6, 0.3, 0.9, 0.8],
    }
    return pl.DataFrame({**base, **columns})


def scored(data, **settings):
    return score_predictions(
        check_predictions(data), ScoreSettings(bootstrap=200, flips=99, **settings)
    )


def test_by_score_and_by_slide():
    parts = {(p.column, p.value): p for p in scored(table()).breakdown}
    rates = {value: parts["score", value].predicted_positive for value in "0123"}
    assert rates == {"0": 0, "1": 0.5, "2": 0.5, "3": 1}
    assert parts["group_id", "s1"].predicted_positive == 0.5
    assert parts["score", "1"].correct == 0.5 and parts["score", "1"].positives == 0


def test_by_any_column_and_an_unknown_one_is_refused():
    data = table(scanner=["x", "y"] * 4)
    parts = [p for p in scored(data, by=("scanner",)).breakdown if p.column == "scanner"]
    assert [(p.value, p.tiles, p.groups) for p in parts] == [("x", 4, 4), ("y", 4, 4)]
    assert [p.predicted_positive for p in parts] == [0.75, 0.25]
    with pytest.raises(UserError, match="did you mean 'scanner'"):
        scored(data, by=("scaner",))


def test_the_ceiling_is_how_often_tile_and_slide_agree():
    data = table(tile_score=[0, 2, 1, 1, 2, 0, 3, None])
    rows = {r.metric: r for r in scored(data).rows if r.model == "ceiling"}
    assert rows["accuracy"].value == pytest.approx(5 / 7) and rows["accuracy"].tiles == 7
    assert rows["sensitivity"].value == pytest.approx(2 / 3)
    assert rows["specificity"].value == pytest.approx(3 / 4)


def test_no_ceiling_where_the_target_is_not_the_score():
    by_status = table(tile_score=[0] * 8, target=[0, 1] * 4)
    for data in (table(), by_status):
        assert not [r for r in scored(data).rows if r.model == "ceiling"]


def test_the_line_is_the_endpoints():
    data = table(target=[0] * 6 + [1] * 2, tile_score=[0, 0, 2, 2, 2, 2, 3, 2])
    [row] = [r for r in scored(data).rows if (r.model, r.metric) == ("ceiling", "accuracy")]
    assert row.value == pytest.approx(7 / 8)


def test_values_that_are_numbers_stand_by_size_and_keep_their_digits():
    data = table(site=["10", "9", "1.10", "1.1", "b", "a", "1.1", "9"])
    parts = [p.value for p in scored(data, by=("site",)).breakdown if p.column == "site"]
    assert parts == ["1.1", "1.10", "9", "10", "a", "b"]

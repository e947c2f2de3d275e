"""scores.json: always JSON, and checked before it is believed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from her2bench.core.errors import UserError
from her2bench.core.score_notes import make_note
from her2bench.core.scores import (
    SCHEMA,
    Optimism,
    Scores,
    read_scores,
    scores_json,
    write_scores,
)
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from tests.evaluation.conftest import simulated

QUICK = ScoreSettings(bootstrap=0, flips=99)


@pytest.fixture(scope="module")
def whole() -> Scores:
    scores = score_predictions(simulated(groups=6, splits=("val", "test")), QUICK)
    return replace(scores, optimism=(Optimism("a", "roc_auc", 0.7, 0.8, 0.1),))


def read(tmp_path: Path, text: str) -> Scores:
    path = tmp_path / "scores.json"
    path.write_text(text, encoding="utf-8")
    return read_scores(path)


def test_what_is_written_is_read(whole, tmp_path):
    write_scores(whole, tmp_path / "scores.json")
    found = read_scores(tmp_path / "scores.json")
    # `by` of the settings is a tuple in memory and a list in the file.
    assert replace(found, settings={}) == replace(whole, settings={})
    assert ScoreSettings.model_validate(found.settings) == QUICK


def test_the_first_key_is_the_schema_and_a_note_has_a_kind(whole):
    data = json.loads(scores_json(whole))
    assert next(iter(data.items())) == ("schema", SCHEMA)
    assert set(data["notes"][0]) == {"kind", "severity", "split", "text", "models"}
    assert set(data["optimism"][0]) == {"model", "metric", "value", "random_tiles", "optimism"}


@pytest.mark.parametrize(
    "odd",
    [
        "[]",
        "3",
        "[" * 100_000,
        '{"schema": 2, "rows": 3}',
        '{"schema": 2, "rows": [[]]}',
        '{"schema": 2, "calibration": [{"model": "a"}]}',
        '{"schema": 2, "thresholds": [{"model": "a"}]}',
        '{"schema": 2, "settings": 3}',
        '{"schema": 2, "notes": {}}',
        '{"schema": 2, "notes": ["SLIDES UNKNOWN (test): no group_id."]}',
    ],
)
def test_another_shape_is_named(odd, tmp_path):
    with pytest.raises(UserError, match=r"scores\.json: cannot be read[\s\S]*again"):
        read(tmp_path, odd)


def test_the_value_that_is_wrong_is_named(tmp_path):
    text = '{"schema": 2, "notes": [{"kind": "luck", "severity": "note", "split": null}]}'
    with pytest.raises(UserError, match=r"notes\.0\.kind = 'luck'"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "number"),
    [('{"rows": []}', "1"), ('{"schema": 3}', "3"), ('{"schema": "two"}', "'two'")],
)
def test_an_unknown_schema_is_refused(text, number, tmp_path):
    found = rf"schema {number}, which this version of her2bench does not know"
    with pytest.raises(UserError, match=rf"{found}\n  expected: schema 2\n.*again"):
        read(tmp_path, text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("-inf")])
def test_undefined_numbers_are_null(whole, value, tmp_path):
    first, *others = whole.rows
    text = scores_json(replace(whole, rows=(replace(first, value=value), *others)))
    assert "NaN" not in text and "Infinity" not in text
    assert read(tmp_path, text).rows[0].value is None


def test_a_note_is_printed_under_its_title_unless_it_is_about_nothing_in_particular():
    assert make_note("few_slides", "3 slides.", "val").in_full == "Few slides (val): 3 slides."
    assert make_note("random_tiles", "So.").in_full == "RANDOM TILE SPLIT: So."
    assert make_note("verdict_basis", "It rests.").in_full == "It rests."


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("probability", [0.0, 1.0, 5e-324, 1 - 2**-53, 0.5])
def test_extreme_probabilities_give_json_and_no_warning(probability):
    table = simulated(groups=4, splits=("val", "test"))
    logit = float(np.clip(np.log(max(probability, 5e-324)), -1e6, 40))
    table = table.with_columns(probability=probability, logit=logit)
    scores = score_predictions(table, QUICK)
    json.loads(scores_json(scores))
    briers = [row.value for row in scores.rows if (row.model, row.metric) == ("a", "brier")]
    expected = [
        ((part["target"] - probability) ** 2).mean()
        for split in ("val", "test")
        if (part := table.filter(model="a", split=split)).height
    ]
    assert briers == pytest.approx(expected)


@pytest.mark.parametrize(
    "absurd",
    [{"bootstrap": 1}, {"bootstrap": 10**20}, {"bins": 10**9}, {"seed": 2**64}, {"flips": 10**9},
     {"threshold": {"logit": float("inf")}}, {"confidence": 1 - 1e-12}],
)  # fmt: skip
def test_absurd_settings_are_refused(absurd):
    with pytest.raises(ValidationError):
        ScoreSettings.model_validate(absurd)

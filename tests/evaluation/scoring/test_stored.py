"""scores.json: always JSON, and checked before it is believed."""

import json

import numpy as np
import pytest
from pydantic import ValidationError
from tests.evaluation.conftest import simulated

from her2bench.core.errors import UserError
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.scoring.stored import stored_scores

QUICK = ScoreSettings(bootstrap=0, flips=99)


@pytest.fixture(scope="module")
def whole() -> dict:
    return score_predictions(simulated(groups=6, splits=("val", "test")), QUICK).as_dict()


def test_what_is_written_is_read(whole):
    read = stored_scores(json.dumps(whole, allow_nan=False).encode(), "scores.json")
    assert {**read, "optimism": whole.get("optimism", [])} == {**whole, "optimism": []}


@pytest.mark.parametrize(
    "odd",
    [
        "[]",
        "3",
        "[" * 100_000,
        '{"rows": 3}',
        '{"rows": [[]]}',
        '{"calibration": [{"model": "a"}]}',
        '{"thresholds": [{"model": "a"}]}',
        '{"settings": {"confidence": "high"}}',
        '{"notes": {}}',
    ],
)
def test_another_shape_is_named(odd):
    with pytest.raises(UserError, match=r"scores\.json: cannot be read"):
        stored_scores(odd.encode(), "scores.json")


def test_an_unknown_metric_is_named(whole):
    rows = [{**whole["rows"][0], "metric": "luck"}]
    with pytest.raises(UserError, match="unknown metric 'luck'"):
        stored_scores(json.dumps({**whole, "rows": rows}).encode(), "scores.json")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("probability", [0.0, 1.0, 5e-324, 1 - 2**-53, 0.5])
def test_extreme_probabilities_give_json_and_no_warning(probability):
    table = simulated(groups=4, splits=("val", "test"))
    logit = float(np.clip(np.log(max(probability, 5e-324)), -1e6, 40))
    table = table.with_columns(probability=probability, logit=logit)
    text = json.dumps(score_predictions(table, QUICK).as_dict(), allow_nan=False)
    rows = stored_scores(text.encode(), "scores.json")["rows"]
    briers = [row["value"] for row in rows if row["metric"] == "brier" and row["model"] == "a"]
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

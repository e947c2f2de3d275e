"""Which scaling of the logits is taken, and what happens where none can be."""

import json

import pytest

from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import SCHEMA
from her2bench.prediction.scalings import scalings_of


def fitted(method, *pairs):
    runs = [{"seed": i, "fold": 0, "slope": a, "intercept": b} for i, (a, b) in enumerate(pairs)]
    measured = dict.fromkeys(("brier", "log_loss", "calibration_error"), 0.2)
    return {"model": "lenet", "method": method, "runs": runs} | measured


TEMPERATURE = fitted("temperature", (2.0, 0.0), (3.0, 0.0))
BY_TEMPERATURE = {("lenet", 0, 0): (2.0, 0.0), ("lenet", 1, 0): (3.0, 0.0)}
NAN = float("nan")


def read(tmp_path, *entries):
    folder = ComparisonFolder(tmp_path)
    folder.scores.write_text(
        json.dumps({"schema": SCHEMA, "calibration": entries}), encoding="utf-8"
    )
    return scalings_of(folder)


def test_platt_with_its_intercept_comes_first(tmp_path):
    platt = fitted("platt", (0.5, -0.7), (0.6, -0.8))
    found = read(tmp_path, fitted("none", (1.0, 0.0), (1.0, 0.0)), TEMPERATURE, platt)
    assert found == {("lenet", 0, 0): (0.5, -0.7), ("lenet", 1, 0): (0.6, -0.8)}


@pytest.mark.parametrize("pair", [(0.0, 1.0), (-0.2, 1.0), (NAN, 0.0), (None, None), (1.0, NAN)])
def test_a_slope_that_cannot_be_used_falls_back_for_the_whole_model(tmp_path, pair):
    platt = fitted("platt", (0.5, -0.7), pair)
    assert read(tmp_path, TEMPERATURE, platt) == BY_TEMPERATURE
    assert read(tmp_path, platt) == {}
    assert read(tmp_path, platt, fitted("temperature", (2.0, 0.0), pair)) == {}


def test_without_scores_nothing_is_scaled(tmp_path):
    assert scalings_of(ComparisonFolder(tmp_path)) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_damaged_scores_are_named(tmp_path, content):
    folder = ComparisonFolder(tmp_path)
    folder.scores.write_bytes(content)
    with pytest.raises(UserError, match=r"scores\.json: (cannot|holds no)[\s\S]*again"):
        scalings_of(folder)

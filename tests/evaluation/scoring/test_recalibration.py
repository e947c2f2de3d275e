"""Temperature and Platt scaling: fitted on val, judged on test."""

import numpy as np
import polars as pl
import pytest
from tests.evaluation.conftest import overconfident

from her2bench.core.predictions import check_predictions
from her2bench.core.scores import Recalibrated, RunScaling
from her2bench.evaluation.scoring.recalibration import best_scaling, recalibrate


def predictions(seed, split):
    logits, targets = overconfident(seed, n=1500)
    return pl.DataFrame(
        {
            "model": "m",
            "split": split,
            "tile_id": [f"{split}{i}" for i in range(1500)],
            "target": targets.astype(int),
            "probability": 1 / (1 + np.exp(-logits)),
        }
    )


def test_before_and_after_on_test():
    table = check_predictions(pl.concat([predictions(3, "val"), predictions(4, "test")]))
    results, notes = recalibrate(table, bins=15)
    before, temperature, platt = results
    assert [r.method for r in results] == ["none", "temperature", "platt"] and not notes
    for after in (temperature, platt):
        assert after.calibration_error < 0.5 * before.calibration_error
        assert after.log_loss < before.log_loss and after.brier < before.brier


def test_test_tiles_do_not_move_the_fit():
    val = predictions(3, "val")
    fits = [
        recalibrate(check_predictions(pl.concat([val, predictions(s, "test")])), 15)[0][2].runs
        for s in (4, 5)
    ]
    assert fits[0] == fits[1]


def test_without_val_there_is_nothing_and_with_one_class_a_note():
    assert recalibrate(check_predictions(predictions(4, "test")), 15) == ((), [])
    one_class = predictions(3, "val").filter(pl.col("target") == 1)
    table = check_predictions(pl.concat([one_class, predictions(4, "test")]))
    results, notes = recalibrate(table, 15)
    assert results == () and [note.kind for note in notes] == ["no_recalibration"]


def with_an_outlier(seed, split, n=150):
    """Overconfident predictions; on validation one positive tile has a probability of 0."""
    logits, targets = overconfident(seed, n=n, factor=1.0)
    probability = 1 / (1 + np.exp(-logits))
    if split == "val":
        probability[np.flatnonzero(targets)[0]] = 0.0
    return pl.DataFrame(
        {
            "model": "m",
            "split": split,
            "tile_id": [f"{split}{i}" for i in range(n)],
            "target": targets.astype(int),
            "probability": probability,
        }
    )


@pytest.mark.parametrize("n", [60, 150, 600])
@pytest.mark.parametrize("seed", range(3))
def test_one_probability_of_0_does_not_turn_the_fit_round(seed, n):
    val, test = with_an_outlier(seed, "val", n), with_an_outlier(seed + 100, "test", 3000)
    results, _ = recalibrate(check_predictions(pl.concat([val, test])), 15)
    before, *after = results
    assert all(run.slope > 0.5 for result in after for run in result.runs)
    assert all(result.log_loss < before.log_loss + 0.01 for result in after)


def test_an_order_turned_round_is_refused():
    rng = np.random.default_rng(0)
    target = np.arange(200) % 2
    probability = 1 / (1 + np.exp(2.0 * target - 1 + rng.normal(size=200)))  # the wrong way
    part = pl.DataFrame({"model": "m", "target": target, "probability": probability})
    both = [
        part.with_columns(split=pl.lit(s), tile_id=pl.Series([f"{s}{i}" for i in range(200)]))
        for s in ("val", "test")
    ]
    results, notes = recalibrate(check_predictions(pl.concat(both)), 15)
    assert "platt" not in [r.method for r in results]
    assert ("scaling_refused", ("m",)) in [(note.kind, note.models) for note in notes]


def test_a_fit_that_makes_validation_worse_is_refused_for_that_run_alone():
    """Platt's smoothed targets pull sure and right answers back: one run of two."""
    sure = np.where(np.arange(12) % 2, 20.0, -20.0)
    wide = overconfident(1, n=12)
    frames = []
    for seed, (logits, targets) in enumerate([(sure, sure > 0), wide]):
        for split in ("val", "test"):
            columns = {
                "model": "m",
                "seed": seed,
                "split": split,
                "tile_id": [f"{split}{i}" for i in range(12)],
                "target": (sure > 0).astype(int) if split == "test" else targets.astype(int),
                "probability": 1 / (1 + np.exp(-logits)),
            }
            frames.append(pl.DataFrame(columns))
    results, notes = recalibrate(check_predictions(pl.concat(frames)), 15)
    [platt] = [r for r in results if r.method == "platt"]
    assert (platt.runs[0].slope, platt.runs[0].intercept) == (1.0, 0.0)
    assert platt.runs[1].slope != 1.0
    assert any("No Platt scaling of m in 1 of 2 runs" in note for note in (n.text for n in notes))


def test_which_scaling_is_used_does_not_depend_on_how_it_did():
    run = (RunScaling(0, 0, 1.5, 0.1),)
    temperature = Recalibrated("m", "temperature", 0.1, 0.1, 0.1, run)
    platt = Recalibrated("m", "platt", 0.3, 0.3, 0.3, run)
    assert best_scaling([temperature, platt]) == platt
    assert best_scaling([]) is None

"""The simulation says what it claims to, and the tables tell right from wrong."""

from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.rates import rates
from benchmarks.tables import Tables, write
from benchmarks.two_level import TwoLevel, independent
from sklearn.metrics import roc_auc_score


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_the_simulated_truth(mixed, correlation):
    study = TwoLevel(groups=4000, tiles=8, mixed=mixed, correlation=correlation, gap=0.1)
    sample, (better, model) = study.draw(np.random.default_rng(0))
    assert roc_auc_score(sample.targets, model.logits[0]) == pytest.approx(0.8, abs=0.015)
    assert roc_auc_score(sample.targets, better.logits[0]) == pytest.approx(0.9, abs=0.015)
    calls = model.calls[0]
    assert calls[sample.targets].mean() == pytest.approx(study.sensitivity, abs=0.02)
    assert (~calls[~sample.targets]).mean() == pytest.approx(study.sensitivity, abs=0.02)
    assert sample.targets.mean() == pytest.approx(0.72, abs=0.03)


def test_tiles_of_a_slide_are_alike_as_asked():
    study = TwoLevel(groups=3000, tiles=2, correlation=0.4, equal=True)
    sample, (model, _) = study.draw(np.random.default_rng(1))
    mu = model.logits[0][sample.targets].mean() - model.logits[0][~sample.targets].mean()
    noise = (model.logits[0] - mu * sample.targets).reshape(-1, 2)
    assert np.corrcoef(noise.T)[0, 1] == pytest.approx(0.4, abs=0.05)


def test_independent_tiles_are_slides_of_one():
    sample, _ = TwoLevel(groups=5).draw(np.random.default_rng(0))
    alone = independent(sample)
    assert alone.n_groups == len(sample.targets) and not alone.known


def test_ours_holds_where_the_naive_way_does_not():
    got = rates(TwoLevel(correlation=0.5, mixed=False), 150, np.random.default_rng(1))
    assert got["roc_auc ours"] > 0.88 and got["roc_auc naive"] < 0.7
    assert got["weights ours"] < 0.12 and got["weights naive"] > 0.35


def test_both_questions_are_asked_with_seeds():
    study = replace(TwoLevel(groups=20), seeds=3, seed_sd=0.3)
    got = rates(study, 60, np.random.default_rng(1))
    assert got["recipe ours"] < 0.2
    assert "roc_auc ours" not in got


def test_a_missed_target_is_marked_and_counted(tmp_path):
    tables = Tables(10, Executor())
    assert tables.cell(0.05, (0.02, 0.06)) == "5.0"
    assert tables.cell(0.08, (0.02, 0.06)) == "8.0 !" and tables.missed == 1
    tables.head("**Title**", ["a", "b"])
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- validity: a -->\nold\n<!-- /validity: a -->\nafter\n")
    write(tables, page, "a")
    text = page.read_text()
    assert "old" not in text and "| a | b |" in text and text.endswith("after\n")
    with pytest.raises(SystemExit, match="no place for a table"):
        write(tables, page, "b")

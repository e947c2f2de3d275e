import numpy as np
import polars as pl
import pytest

from her2bench.core.ordinal import (
    CUTS,
    SCORE_COLUMNS,
    at_least,
    binary_columns,
    predicted_scores,
)


def drawn(n: int = 300, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet((0.4, 0.4, 0.4, 0.4), n)
    return pl.DataFrame(dict(zip(SCORE_COLUMNS, p.T, strict=True))).with_columns(
        score=pl.Series(rng.integers(0, 4, n))
    )


@pytest.mark.parametrize("cut", CUTS)
def test_the_binary_columns_are_sums_of_the_scores_probabilities(cut: int) -> None:
    frame = drawn()
    derived = binary_columns(frame, cut)
    expected = frame.select(pl.sum_horizontal(SCORE_COLUMNS[cut:])).to_series()
    assert np.allclose(derived["probability"], expected, atol=1e-15)
    assert (derived["target"] == (frame["score"] >= cut)).all()
    sigmoid = 1 / (1 + np.exp(-derived["logit"].to_numpy()))
    assert np.allclose(sigmoid, derived["probability"], atol=1e-12)


def test_logits_are_finite_and_keep_the_order_where_scores_are_certain() -> None:
    rows = [(1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 1e-300, 0.0), (1e-300, 0, 0, 1), (0, 0, 0, 1)]
    frame = pl.DataFrame(rows, schema=list(SCORE_COLUMNS), orient="row").with_columns(score=0)
    logits = binary_columns(frame)["logit"].to_numpy()
    assert np.isfinite(logits).all()
    assert (np.diff(logits) > 0).all()


def test_the_predicted_score_agrees_with_the_call_at_every_cut_and_has_least_error() -> None:
    p = drawn().select(SCORE_COLUMNS).to_numpy()
    score = predicted_scores(p)
    for cut in CUTS:
        assert ((score >= cut) == (at_least(p, cut) > 0.5)).all()
    steps = np.abs(np.arange(4)[:, None] - np.arange(4))
    assert (score == (p @ steps).argmin(axis=1)).all()

"""The rule that turns cells into a score."""

import numpy as np
import pytest

from her2bench.phantom.scoring import Staining, expression_limits, score_of, stain

NONE, FAINT, WEAK, INTENSE = 0.0, 1.0, 2.0, 3.0


def cells(*groups: tuple[float, int]) -> Staining:
    return stain(np.concatenate([np.full(n, e, np.float32) for e, n in groups]))


@pytest.mark.parametrize(
    ("groups", "score"),
    [
        ([(NONE, 100)], 0),
        ([(NONE, 90), (FAINT, 10)], 0),
        ([(NONE, 89), (FAINT, 11)], 1),
        ([(FAINT, 90), (WEAK, 10)], 1),
        ([(FAINT, 89), (WEAK, 11)], 2),
        ([(WEAK, 90), (INTENSE, 10)], 2),
        ([(WEAK, 89), (INTENSE, 11)], 3),
        ([(NONE, 89), (INTENSE, 11)], 3),
        ([(NONE, 94), (INTENSE, 6)], 0),
        ([(NONE, 89), (WEAK, 6), (INTENSE, 5)], 2),
    ],
)
def test_more_than_ten_per_cent_decide(groups: list, score: int) -> None:
    assert score_of(cells(*groups)) == score


def test_intense_but_incomplete_is_not_3_plus() -> None:
    partial = Staining(np.full(100, 2.0, np.float32), np.full(100, 0.5, np.float32))
    assert score_of(partial) == 1


def test_too_few_cells_are_no_tumour() -> None:
    assert score_of(cells((INTENSE, 9))) is None
    assert score_of(cells((INTENSE, 10))) == 3


def test_staining_grows_with_expression_and_closes_at_2_plus() -> None:
    staining = stain(np.linspace(-1, 4, 200).astype(np.float32))
    assert (np.diff(staining.density) >= 0).all()
    assert (np.diff(staining.completeness) >= 0).all()
    assert stain(np.array([1.49, 1.51], np.float32)).completeness.tolist()[1] == 1
    assert stain(np.array([1.49, 1.51], np.float32)).completeness.tolist()[0] < 0.9


@pytest.mark.parametrize("score", [1, 2, 3])
def test_limits_are_where_a_large_population_changes_score(score: int) -> None:
    normal = np.random.default_rng(0).normal(0, 0.8, 400_000)
    limit = expression_limits(0.8)[score - 1]
    assert score_of(stain((normal + limit - 0.02).astype(np.float32))) == score - 1
    assert score_of(stain((normal + limit + 0.02).astype(np.float32))) == score

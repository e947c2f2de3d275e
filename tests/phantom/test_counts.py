"""Numbers of slides and tiles."""

import numpy as np
import pytest

from her2bench.phantom.counts import slide_counts, tile_counts


@pytest.mark.parametrize("slides", [1, 2, 3, 4, 5, 10, 51, 1000])
def test_slide_counts_add_up_and_every_score_is_there(slides: int) -> None:
    counts = slide_counts(slides)
    assert counts.sum() == slides
    assert (counts > 0).sum() == min(slides, 4)


@pytest.mark.parametrize(("slides", "each"), [(51, 95), (51, 20), (51, 1), (4, 7), (2, 30)])
def test_tiles_add_up_with_at_least_one_a_slide(slides: int, each: int) -> None:
    scores = np.repeat(np.arange(4), slide_counts(slides))
    counts = tile_counts(scores, slides * each, np.random.default_rng(0))
    assert counts.sum() == slides * each
    assert counts.min() >= 1

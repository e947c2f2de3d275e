"""Slides, their scores and tiles, and the calibration to BCI's facts."""

import numpy as np
import pytest

from her2bench.phantom import PhantomSettings, draw_slides, tile_truth, tiles_of
from her2bench.phantom.counts import BCI_TILES


def test_tiles_are_in_the_proportions_of_bci_and_uneven() -> None:
    slides = draw_slides(PhantomSettings(tiles_per_slide=95))
    tiles = np.bincount([s.score for s in slides], [s.tiles for s in slides])
    assert np.abs(tiles / tiles.sum() - BCI_TILES / BCI_TILES.sum()).max() < 0.002
    assert np.std([s.tiles for s in slides if s.score == 2]) > 10


def test_status_follows_the_score_and_a_minority_of_2_plus_is_amplified() -> None:
    slides = draw_slides(PhantomSettings(slides=1000))
    assert {s.status for s in slides if s.score <= 1} == {0}
    assert {s.status for s in slides if s.score == 3} == {1}
    assert 0.15 < np.mean([s.status for s in slides if s.score == 2]) < 0.35


def test_confounding_ties_the_white_level_to_the_target() -> None:
    def difference(confounding: float) -> float:
        slides = draw_slides(PhantomSettings(slides=1000, confounding=confounding))
        positive, negative = (
            np.mean([s.white_level == 180 for s in slides if (s.score >= 2) == side])
            for side in (True, False)
        )
        return float(positive - negative)

    assert abs(difference(0)) < 0.08
    assert 0.35 < difference(0.5) < 0.65
    assert difference(1) == 1


@pytest.mark.parametrize("size", [128, 256])
def test_calibration_to_the_facts_of_bci(size: int) -> None:
    """16% of tiles without tumour, 24% of the rest across the line.

    Each phantom within 5 points, the mean of four within 2.
    """
    shares = np.array([_shares(PhantomSettings(size=size, seed=seed)) for seed in range(4)])
    assert np.abs(shares - [0.16, 0.24]).max() < 0.05
    assert np.abs(shares.mean(axis=0) - [0.16, 0.24]).max() < 0.02


def _shares(settings: PhantomSettings) -> tuple[float, float]:
    tiles = tiles_of(settings, draw_slides(settings))
    scores = [(tile.slide.score, tile_truth(tile, settings).score) for tile in tiles]
    across = [(slide >= 2) != (own >= 2) for slide, own in scores if own is not None]
    return 1 - len(across) / len(scores), float(np.mean(across))

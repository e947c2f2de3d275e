"""Votes for one offset: found a part of the tiles at a time as in one, and along borders alone."""

import numpy as np
import pytest

from her2bench.audit.matching import offset_voting as voting
from her2bench.audit.matching.keypoints import FINENESS, MOST, NOWHERE
from her2bench.audit.matching.offset_voting import TileKeypoints, candidates

SIDE, TILES, EACH = 256, 40, 60


@pytest.fixture
def tiles() -> TileKeypoints:
    """Tiles of keypoints in random places; tile 1 lies 200 px right of tile 0, 7 the same of 3."""
    rng = np.random.default_rng(0)
    codes = np.zeros((TILES, MOST), np.uint64)
    places = np.full((TILES, MOST, 2), NOWHERE, np.uint16)
    codes[:, :EACH] = rng.integers(0, 2**64, (TILES, EACH), dtype=np.uint64)
    places[:, :EACH] = rng.integers(0, SIDE * FINENESS, (TILES, EACH, 2))
    for first, second in ((0, 1), (3, 7)):
        codes[second, :5] = codes[first, :5]
        places[first, :5, 0] = FINENESS * np.arange(205, 255, 10)
        places[second, :5] = places[first, :5] - np.array([200 * FINENESS, 0], np.uint16)
    return TileKeypoints(codes, places, np.full((TILES, 2), SIDE), np.ones(TILES, int))


def found(tiles: TileKeypoints, rows: np.ndarray) -> set[tuple[int, ...]]:
    pairs, offsets = candidates(tiles, rows)
    return {(*pair, *offset) for pair, offset in zip(pairs.tolist(), offsets.tolist(), strict=True)}


def test_pairs_are_found_with_their_offset(tiles):
    assert found(tiles, np.arange(TILES)) == {(0, 1, 200, 0), (3, 7, 200, 0)}
    assert found(tiles, np.arange(2, TILES)) == {(3, 7, 200, 0)}
    assert found(tiles, np.arange(0)) == set()


def test_a_part_of_the_tiles_at_a_time_finds_the_same(tiles, monkeypatch):
    for at_once in (1, 150, 10_000):
        monkeypatch.setattr(voting, "_AT_ONCE", at_once)
        assert found(tiles, np.arange(TILES)) == {(0, 1, 200, 0), (3, 7, 200, 0)}


def test_along_borders_a_strip_is_found_although_its_landmarks_are_common_elsewhere(
    tiles, monkeypatch
):
    places, codes = tiles.places, tiles.codes
    places[0, :5, 0] = FINENESS * np.arange(245, 255, 2)  # a strip of 13 px
    places[1, :5] = places[0, :5] - np.array([243 * FINENESS, 0], np.uint16)
    # Inside of all other tiles lie spots that are more alike than those of the strip are.
    words = np.uint64(0x0001_0001_0001_0001)
    some = np.random.default_rng(2).integers(0, 128, (TILES - 2, 5), dtype=np.uint64)
    codes[1, :5] = codes[0, :5] ^ (words << np.uint64(8))
    codes[2:, 5:10] = codes[0, None, :5] ^ (words * some)
    places[2:, 5:10] = np.random.default_rng(1).integers(
        60 * FINENESS, 190 * FINENESS, (TILES - 2, 5, 2)
    )
    assert (0, 1, 243, 0) in found(tiles, np.arange(TILES))
    monkeypatch.setattr(voting, "_STRIP", 0)
    assert (0, 1, 243, 0) not in found(tiles, np.arange(TILES))

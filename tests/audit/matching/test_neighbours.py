"""Overlapping and adjoining tiles are found and placed; glass and other slides' tiles are not."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from tests.audit.drawn import SIDE, field

from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.matching.neighbours import Neighbours
from her2bench.audit.matching.pairs import find_pairs
from her2bench.data.sources.images import Tiling, read_labels, tile_images


def neighbours_of(observations: Observations) -> Neighbours:
    return find_pairs(observations).neighbours


def test_neighbours_are_found_with_their_places(cut):
    found = neighbours_of(cut[1])
    seen = {
        tuple(pair): (kind, *np.rint(offset).astype(int).tolist())
        for pair, kind, offset in zip(found.pairs.tolist(), found.kind, found.offset, strict=True)
    }
    assert seen == {
        (0, 1): ("adjacent", SIDE, 0),
        (0, 2): ("adjacent", 0, SIDE),
        (0, 3): ("overlapping", SIDE - 20, 9),
    }
    shared = dict(zip(map(tuple, found.pairs.tolist()), found.shared, strict=True))
    assert shared[0, 3] == pytest.approx(20 * (SIDE - 9) / SIDE**2, abs=0.005)
    assert shared[0, 1] == 0


def test_a_tile_before_its_neighbour_in_the_table_lies_on_the_other_side(cut):
    fields = {name: values[[1, 0]] for name, values in cut[1].fields.items()}
    found = neighbours_of(Observations(fields, {}))
    assert found.offset.tolist() == [[-SIDE, 0]]


def test_strips_of_a_twentieth_of_a_side_are_found(tmp_path):
    side, common, slides = 256, 13, (0, 1, 30, 64)  # the last two's strips hold few keypoints
    tiles, places = [], []
    for slide in slides:
        whole = field(slide, side + 24, 2 * side - common)
        if down := slide % 2:
            whole = whole.swapaxes(0, 1)
        moved = np.random.default_rng(slide).integers(0, 25, 2)
        corners = [np.array([0, moved[0]]), np.array([side - common, moved[1]])]
        corners = [corner[::-1] for corner in corners] if down else corners
        tiles += [whole[y : y + side, x : x + side] for x, y in corners]
        places.append((corners[1] - corners[0]).tolist())
    for i, tile in enumerate(tiles):
        Image.fromarray(np.ascontiguousarray(tile)).save(tmp_path / f"{i:02d}.jpg", quality=90)
    paths = sorted(map(str, tmp_path.iterdir()))
    found = neighbours_of(observe(pl.DataFrame({"path": paths}), [MATCHING_FEATURES]))
    assert found.pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert found.offset == pytest.approx(np.array(places), abs=1)


def test_adjacent_tiles_of_a_real_core():
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    labels = read_labels(Path(folder, "her2_tma", "labels.csv"))[:2]
    table = tile_images(labels, Tiling(tile_size=512))
    place = {row: i for i, row in enumerate(table.select("group_id", "x", "y").iter_rows())}
    beside = {
        tuple(sorted((i, place[g, x + dx, y + dy])))
        for (g, x, y), i in place.items()
        for dx, dy in ((512, 0), (0, 512))
        if (g, x + dx, y + dy) in place
    }
    found = neighbours_of(observe(table, [MATCHING_FEATURES]))
    pairs = set(map(tuple, found.pairs.tolist()))
    assert len(pairs & beside) >= 0.95 * len(beside)
    assert pairs <= beside

"""Duplicates of every kind are found and placed; empty glass and other slides' tiles are not."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from tests.audit.drawn import SIZE, encoded, manifest_of

from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.matching.duplicates import DUPLICATES, Duplicates
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.matching.pairs import find_pairs
from her2bench.audit.matching.thumbnails import turned


def duplicates_of(observations: Observations) -> Duplicates:
    return find_pairs(observations).duplicates


def test_every_kind_is_found_and_nothing_else(planted):
    found = duplicates_of(planted[1])
    rows = sorted(zip(map(tuple, found.pairs.tolist()), found.kind.tolist(), strict=True))
    bytes_alike, pixels_alike, compressed, turns, shifted = DUPLICATES
    assert rows == [
        ((0, 20), bytes_alike),
        ((0, 26), bytes_alike),
        ((1, 21), pixels_alike),
        ((2, 22), compressed),
        ((3, 23), turns),
        ((4, 24), turns),
        ((5, 25), shifted),
    ]


def test_turns_and_offsets_lay_the_second_on_the_first(planted):
    manifest, observations = planted
    found = duplicates_of(observations)
    for (i, j), kind, symmetry, offset, shared in zip(
        found.pairs, found.kind, found.symmetry, found.offset, found.shared, strict=True
    ):
        first, second = (np.asarray(Image.open(manifest["path"][int(r)])) for r in (i, j))
        x, y = np.rint(offset).astype(int)
        second = turned(second, symmetry)[: SIZE - y, : SIZE - x]
        a, b = first[y:, x:].ravel(), second.ravel()
        assert np.corrcoef(a, b)[0, 1] > 0.9
        assert shared == pytest.approx((1 - x / SIZE) * (1 - y / SIZE), abs=0.01)
        assert (kind == "shifted") == ((x, y) == (30, 17))


def test_empty_glass_is_no_duplicate(tmp_path):
    white = np.full((SIZE, SIZE, 3), 252, np.uint8)
    rng = np.random.default_rng(0)
    noisy = [np.clip(white - rng.normal(3, 1.5, white.shape), 0, 255) for _ in range(20)]
    contents = [encoded(white)] * 5 + [encoded(n.astype(np.uint8), quality=90) for n in noisy]
    observations = observe(manifest_of(tmp_path, contents), [MATCHING_FEATURES])
    assert len(duplicates_of(observations).pairs) == 0


def test_nothing_to_compare():
    fields = {k: np.zeros((0, *s), d) for k, (d, s) in MATCHING_FEATURES.fields.items()}
    found = duplicates_of(Observations(fields, {}))
    assert isinstance(found, Duplicates) and found.pairs.shape == (0, 2)


def test_bci_tiles_hold_no_duplicates():
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    paths = sorted(Path(folder, "bci").rglob("*.png"))
    table = pl.DataFrame({"tile_id": [p.stem for p in paths], "path": map(str, paths)})
    assert len(duplicates_of(observe(table, [MATCHING_FEATURES])).pairs) == 0

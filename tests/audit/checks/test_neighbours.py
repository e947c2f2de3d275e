"""Overlapping and adjoining tiles are found and placed; glass and strangers are not."""

import io
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.audit.checks.neighbours import check_neighbours, find_neighbours
from her2bench.audit.context import Evidence
from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.features.matching_features import SIGNATURES
from her2bench.audit.matching.edges import SAMPLES, border_lines
from her2bench.data.sources.images import Tiling, read_labels, tile_images
from her2bench.phantom import draw_field, draw_slide

SIZE = 192
CORNERS = ((0, 0), (SIZE, 0), (0, SIZE), (SIZE - 20, 9))  # x, y; the last overlaps the first two


def field(slide: int, height: int, width: int) -> np.ndarray:
    rng, strokes = np.random.default_rng([7, slide]).spawn(2)
    return draw_field(draw_slide(slide, 3, 1, rng), strokes, height, width, 0.92)[0]


@pytest.fixture(scope="module")
def cut(tmp_path_factory) -> tuple[pl.DataFrame, Observations]:
    """Four tiles of one field, in the order of `CORNERS`, then twelve strangers and glass."""
    whole = field(0, 2 * SIZE, 2 * SIZE)
    tiles = [whole[y : y + SIZE, x : x + SIZE] for x, y in CORNERS]
    tiles += [field(i, SIZE, SIZE) for i in range(1, 13)]
    rng = np.random.default_rng(0)
    tiles += [rng.normal(248, 1.5, (SIZE, SIZE, 3)).astype(np.uint8) for _ in range(6)]
    folder = tmp_path_factory.mktemp("tiles")
    paths = [folder / f"{i:02d}.jpg" for i in range(len(tiles))]
    for path, tile in zip(paths, tiles, strict=True):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(tile)).save(stream, "JPEG", quality=90)
        path.write_bytes(stream.getvalue())
    ids = [p.stem for p in paths]
    table = pl.DataFrame({"tile_id": ids, "path": map(str, paths), "score": [3] * len(ids)})
    return table, observe(table, [SIGNATURES])


def test_neighbours_are_found_with_their_places(cut):
    found = find_neighbours(cut[1])
    seen = {
        tuple(pair): (kind, *np.rint(offset).astype(int).tolist())
        for pair, kind, offset in zip(found.pairs.tolist(), found.kind, found.offset, strict=True)
    }
    assert seen == {
        (0, 1): ("adjacent", SIZE, 0),
        (0, 2): ("adjacent", 0, SIZE),
        (0, 3): ("overlapping", SIZE - 20, 9),
    }
    shared = dict(zip(map(tuple, found.pairs.tolist()), found.shared, strict=True))
    assert shared[0, 3] == pytest.approx(20 * (SIZE - 9) / SIZE**2, abs=0.005)
    assert shared[0, 1] == 0


def test_a_tile_before_its_neighbour_in_the_table_lies_on_the_other_side(cut):
    fields = {name: values[[1, 0]] for name, values in cut[1].fields.items()}
    found = find_neighbours(Observations(fields, {}))
    assert found.offset.tolist() == [[-SIZE, 0]]


def test_strips_of_a_twentieth_of_a_side_are_found(tmp_path):
    side, common, slides = 256, 13, (0, 1, 30, 64)  # the last two's strips hold few landmarks
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
    found = find_neighbours(observe(pl.DataFrame({"path": paths}), [SIGNATURES]))
    assert found.pairs.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert found.offset == pytest.approx(np.array(places), abs=1)


def evidence(cut, split=None, groups=None) -> Evidence:
    table, observations = cut
    if groups is not None:
        table = table.with_columns(group_id=pl.Series(groups))
    return Evidence(table, np.ones(len(table), int), "2+", observations, split)


def test_neighbours_within_a_known_slide_and_split_are_as_they_should_be(cut):
    n = len(cut[0])
    found = check_neighbours(evidence(cut, np.array(["train"] * n), ["a"] * n))
    assert found.findings == ()
    assert found.measured == {"pairs of tiles, overlapping": 1, "pairs of tiles, adjacent": 2}


def test_findings_across_splits_across_slides_and_of_unknown_slides(cut):
    n = len(cut[0])
    split = np.array(["train", "test", *["train"] * (n - 2)])
    found = check_neighbours(evidence(cut, split, ["a", "a", "a", "b", *["c"] * (n - 4)]))
    assert [(f.kind, f.severity, f.tiles) for f in found.findings] == [
        ("neighbours_across_splits", "serious", (("00", "01"),)),
        ("neighbours_across_slides", "warning", (("00", "03"),)),
    ]
    found = check_neighbours(evidence(cut, groups=cut[0]["tile_id"].to_list()))
    assert [(f.severity, f.number) for f in found.findings] == [("warning", 3)]
    found = check_neighbours(evidence(cut, split))
    assert [(f.kind, f.number) for f in found.findings] == [
        ("neighbours_across_splits", 1),
        ("neighbours_of_unknown_slides", 2),
    ]


def test_an_adjacent_pair_against_the_manifests_word_may_be_chance_an_overlap_is_none(cut):
    rest = ["c"] * (len(cut[0]) - 4)
    split = np.array(["train", "test", "train", "train", *["train"] * len(rest)])
    adjacent = check_neighbours(evidence(cut, split, ["a", "b", "a", "a", *rest]))
    assert [(f.kind, f.severity) for f in adjacent.findings] == [
        ("neighbours_across_splits", "note"),
        ("neighbours_across_slides", "note"),
    ]
    overlapping = check_neighbours(evidence(cut, groups=["a", "a", "a", "b", *rest]))
    several = check_neighbours(evidence(cut, groups=["a", "b", "b", "a", *rest]))
    assert [f.severity for f in (*overlapping.findings, *several.findings)] == ["warning"] * 2


def test_an_adjacent_pair_across_splits_is_serious_if_the_manifest_says_so_too(cut):
    n = len(cut[0])
    split = np.array(["train", "test", *["train"] * (n - 2)])
    found = [check_neighbours(evidence(cut, split, groups)) for groups in (["a"] * n, None)]
    assert [each.findings[0].severity for each in found] == ["serious", "warning"]
    assert [each.findings[0].tiles for each in found] == [(("00", "01"),)] * 2


def test_border_lines_are_the_sides_of_the_picture():
    grey = np.random.default_rng(0).integers(0, 256, (SAMPLES, SAMPLES), dtype=np.uint8)
    left, top, right, bottom = border_lines(grey)
    assert np.array_equal(left, grey[:, :2].T) and np.array_equal(top, grey[:2])
    assert np.array_equal(right, grey[:, :-3:-1].T) and np.array_equal(bottom, grey[:-3:-1])
    twice = border_lines(np.repeat(np.repeat(grey, 2, 0), 2, 1))
    assert np.array_equal(twice[0, 0], grey[:, 0])
    assert border_lines(grey[:1, :1]).shape == (4, 2, SAMPLES)


@pytest.mark.slow
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
    found = find_neighbours(observe(table, [SIGNATURES]))
    pairs = set(map(tuple, found.pairs.tolist()))
    assert len(pairs & beside) >= 0.95 * len(beside)
    assert pairs <= beside

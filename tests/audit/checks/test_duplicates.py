"""Duplicates of every kind are found, named and placed; empty glass and strangers are not."""

import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.audit.checks.duplicates import (
    DUPLICATES,
    Duplicates,
    check_duplicates,
    find_duplicates,
)
from her2bench.audit.context import Evidence
from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.features.matching_features import SIGNATURES
from her2bench.audit.matching.thumbnails import turned
from her2bench.phantom import draw_field, draw_slide

SIZE = 160


def fields(n: int, height: int = SIZE, width: int = SIZE, seed: int = 0) -> list[np.ndarray]:
    root = np.random.default_rng(seed)
    rngs = root.spawn(2 * n)
    slides = [draw_slide(i, 2 + i % 2, 1, rngs[i]) for i in range(n)]
    return [draw_field(s, rngs[n + i], height, width, 0.92)[0] for i, s in enumerate(slides)]


def encoded(rgb: np.ndarray, kind: str = "JPEG", **settings) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(stream, kind, **settings)
    return stream.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


def manifest_of(folder: Path, contents: list[bytes]) -> pl.DataFrame:
    paths = [folder / f"{i:03d}" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    names = [p.name for p in paths]
    return pl.DataFrame({"tile_id": names, "path": map(str, paths), "score": [3] * len(paths)})


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> tuple[pl.DataFrame, Observations]:
    """Tiles 0 to 19 are strangers, 20 to 26 are made from tiles 0 to 5, 27 cannot be read."""
    whole = fields(20, SIZE + 40, SIZE + 40)
    tiles = [encoded(w[:SIZE, :SIZE], quality=90) for w in whole]
    made = [
        tiles[0],
        encoded(decoded(tiles[1]), "PNG"),
        encoded(decoded(tiles[2]), quality=40),
        encoded(turned(decoded(tiles[3]), 1), quality=90),
        encoded(turned(decoded(tiles[4]), 6), quality=90),
        encoded(whole[5][17 : 17 + SIZE, 30 : 30 + SIZE], quality=90),
        tiles[0],
    ]
    manifest = manifest_of(tmp_path_factory.mktemp("tiles"), [*tiles, *made, b"no image"])
    return manifest, observe(manifest, [SIGNATURES])


def test_every_kind_is_found_and_nothing_else(planted):
    found = find_duplicates(planted[1])
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
    found = find_duplicates(observations)
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
    observations = observe(manifest_of(tmp_path, contents), [SIGNATURES])
    assert len(find_duplicates(observations).pairs) == 0


def evidence(planted, **columns) -> Evidence:
    manifest, observations = planted
    split = columns.pop("split", None)
    table = manifest.with_columns(**{name: pl.Series(v) for name, v in columns.items()})
    return Evidence(table, np.ones(len(table), int), "2+", observations, split)


def kinds(found) -> dict[str, tuple[str, float]]:
    return {f.kind: (f.severity, f.number) for f in found.findings}


def test_duplicates_in_one_split_are_a_warning_with_whole_sets(planted):
    found = check_duplicates(evidence(planted))
    assert kinds(found) == {"duplicates": ("warning", 6)}
    assert found.findings[0].tiles[0] == ("000", "020", "026")
    assert "2 same bytes, 1 same pixels" in found.findings[0].title
    assert found.measured == {
        "pairs of tiles, same bytes": 2,
        "pairs of tiles, same pixels": 1,
        "pairs of tiles, re-compressed": 1,
        "pairs of tiles, flipped or rotated": 2,
        "pairs of tiles, shifted": 1,
    }


def test_splits_scores_and_slides_that_differ_are_told_apart(planted):
    n = len(planted[0])
    split = np.array(["train"] * n, object)
    split[[22, 25]] = "test"
    score, slide = [3] * n, ["a"] * n
    score[20] = 1
    slide[21] = "b"
    found = check_duplicates(evidence(planted, split=split, score=score, group_id=slide))
    assert kinds(found) == {
        "duplicates_across_splits": ("serious", 2),
        "duplicates_with_different_scores": ("serious", 1),
        "duplicates_across_slides": ("warning", 1),
        "duplicates": ("warning", 2),
    }
    assert found.findings[0].tiles == (("002", "022"), ("005", "025"))
    assert found.findings[2].slides == ("a", "b")


def test_a_clean_set_gives_no_finding(planted):
    manifest, observations = planted
    few = {name: values[:20] for name, values in observations.fields.items()}
    clean = (manifest[:20], replace(observations, fields=few, bad={}))
    assert check_duplicates(evidence(clean)).findings == ()


def test_nothing_to_compare():
    fields = {k: np.zeros((0, *s), d) for k, (d, s) in SIGNATURES.fields.items()}
    found = find_duplicates(Observations(fields, {}))
    assert isinstance(found, Duplicates) and found.pairs.shape == (0, 2)


def test_bci_tiles_hold_no_duplicates():
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    paths = sorted(Path(folder, "bci").rglob("*.png"))
    table = pl.DataFrame({"tile_id": [p.stem for p in paths], "path": map(str, paths)})
    assert len(find_duplicates(observe(table, [SIGNATURES])).pairs) == 0

"""The rule by which tiles are dropped, and the files that --write-clean leaves."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

import her2bench as hb
from her2bench.audit.cleaning import tiles_to_drop
from her2bench.core.audit_findings import Audit, Finding
from her2bench.core.manifest import read_manifest
from her2bench.phantom import PhantomSettings, write_phantom

TILES = pl.DataFrame(
    {
        "tile_id": list("abcdef"),
        "path": [f"/{name}.png" for name in "abcdef"],
        "split": ["test", "train", "val", "train", "train", "train"],
    }
)


def dropped(*findings: tuple[str, tuple], tiles: pl.DataFrame = TILES) -> dict[str, str]:
    words = {"severity": "warning", "title": "t", "unit": "u", "effect": "e", "hint": "h"}
    made = tuple(Finding(kind=k, tiles=sets, number=1, **words) for k, sets in findings)
    audit = Audit(manifest="m", endpoint="2+", tiles=6, findings=made)
    return {row["tile_id"]: row["reason"] for row in tiles_to_drop(audit, tiles).to_dicts()}


def test_of_copies_across_splits_the_training_tile_stays():
    found = dropped(("duplicates_across_splits", (("a", "b", "c"),)))
    assert found == dict.fromkeys("ac", "the same picture as b, which is kept")


def test_without_a_split_the_first_stays():
    assert list(dropped(("duplicates", (("c", "a"),)), tiles=TILES.drop("split"))) == ["c"]


def test_copies_of_different_scores_are_dropped_all_and_never_kept_for_another_reason():
    found = dropped(
        ("duplicates_across_splits", (("a", "b"),)),
        ("duplicates_with_different_scores", (("a", "b"),)),
    )
    assert list(found) == ["a", "b"] and "another score" in found["a"]


def test_an_unreadable_tile_is_not_the_copy_that_stays():
    found = dropped(("unreadable_images", (("b",),)), ("duplicates", (("b", "d", "e"),)))
    assert list(found) == ["b", "e"] and found["e"] == "the same picture as d, which is kept"


def test_findings_that_need_judgement_drop_nothing():
    assert dropped(("out_of_focus_tiles", (("a",),)), ("groups_on_both_sides", (("a", "b"),))) == {}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(folder / "p", PhantomSettings(slides=6, tiles_per_slide=4, size=128), workers=1)
    table = read_manifest(folder / "p" / "manifest.csv")
    Image.open(table["path"][0]).save(folder / "copy.bmp")
    rng = np.random.default_rng(0)
    glass = rng.normal(238, 1, (128, 128, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(glass).save(folder / "glass.png")
    (folder / "broken.png").write_bytes(b"no image")
    first = table[0].select("tile_id", "path", "score", "group_id")
    more = [
        first.with_columns(tile_id=pl.lit(n), path=pl.lit(str(folder / n)))
        for n in ("copy.bmp", "glass.png", "broken.png")
    ]
    table = pl.concat([table.select(first.columns), *more])
    table.write_csv(folder / "m.csv")
    return folder / "m.csv"


def test_the_clean_manifest_and_what_was_dropped(manifest, tmp_path):
    clean = tmp_path / "clean.csv"
    results = hb.audit(manifest, write_clean=clean, cache=tmp_path / "cache")
    assert results.dropped is not None
    gone = dict(results.dropped.select("tile_id", "kind").iter_rows())
    assert gone == {
        "copy.bmp": "duplicates",
        "glass.png": "blank_tiles",
        "broken.png": "unreadable_images",
    }
    table = read_manifest(manifest)
    assert read_manifest(clean).equals(table.filter(~pl.col("tile_id").is_in(list(gone))))
    written = pl.read_csv(tmp_path / "clean-dropped.csv")
    assert written["reason"].to_list() == results.dropped["reason"].to_list()
    again = hb.audit(clean, cache=tmp_path / "cache")
    assert not {f.kind for f in again.findings} & {*gone.values()}


def test_no_tile_left_writes_nothing(manifest, tmp_path):
    table = read_manifest(manifest).filter(pl.col("tile_id") == "broken.png")
    with pytest.raises(hb.UserError, match="all 1 tiles would be dropped"):
        hb.audit(table, write_clean=tmp_path / "clean.csv", cache=tmp_path / "cache")
    assert not (tmp_path / "clean.csv").exists()

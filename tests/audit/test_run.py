"""The whole audit on phantoms made to order."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from her2bench.audit import run as audits
from her2bench.audit.checks.shortcuts import SHORTCUTS
from her2bench.audit.run import run_audit
from her2bench.core.audit_findings import OPTIMISTIC, Audit
from her2bench.core.manifest import read_manifest
from her2bench.phantom import PhantomSettings, write_phantom

ROOT = Path(__file__).parents[2]


def phantom(folder: Path, **settings) -> pl.DataFrame:
    write_phantom(folder, PhantomSettings(**{"size": 128} | settings), workers=1)
    return read_manifest(folder / "manifest.csv")


def audit(*arguments, **options) -> Audit:
    return run_audit(*arguments, **options).audit


def halved(manifest: pl.DataFrame) -> np.ndarray:
    """Every second slide for test."""
    slides = manifest["group_id"].unique(maintain_order=True).to_list()
    return np.array(
        ["test" if slides.index(slide) % 2 else "train" for slide in manifest["group_id"]]
    )


@pytest.mark.slow
def test_a_background_tied_to_the_label_is_the_first_finding(tmp_path):
    manifest = phantom(tmp_path / "p", slides=30, tiles_per_slide=6, confounding=0.8)
    found = audit(manifest, "m", split=halved(manifest))
    assert "background" in found.findings[0].title.lower()


@pytest.mark.slow
def test_a_clean_phantom_gives_a_clean_audit(tmp_path):
    """Tiles that earn their slide's score, of known slides, divided by slide: notes at most."""
    manifest = phantom(tmp_path / "p", slides=30, tiles_per_slide=10)
    manifest = manifest.filter(
        (pl.col("tile_score").cast(pl.Int8) == pl.col("score"))
        & (pl.col("tumour_fraction").cast(pl.Float64) > 0.1)
    )
    found = audit(manifest, "m", split=halved(manifest))
    assert [f.title for f in found.findings if f.severity != "note"] == []
    assert "images" in found.clean and "shortcuts" in found.clean


@pytest.mark.slow
def test_the_same_tiles_give_the_same_audit_kept_or_not(tmp_path):
    manifest = phantom(tmp_path / "p", slides=8, tiles_per_slide=4)
    first = audit(manifest, "m", cache=tmp_path / "cache")
    assert audit(manifest, "m", cache=tmp_path / "cache") == first == audit(manifest, "m")


def test_with_nothing_readable_only_the_images_are_judged():
    rows = [{"tile_id": f"t{i}", "path": f"/gone/{i}.png", "score": i % 4} for i in range(5)]
    manifest = pl.DataFrame(rows).with_columns(pl.col("score").cast(pl.Int8))
    found = audit(manifest, "m")
    assert [f.kind for f in found.findings] == ["unreadable_images"]
    assert {each.check for each in found.left_out} == set(audits.CHECKS) - {"images"}
    assert found.unseen


def test_without_pixels_the_table_is_still_judged():
    rows = [{"tile_id": f"t{i}", "path": f"/gone/{i}.png", "score": 3} for i in range(6)]
    manifest = pl.DataFrame(rows, schema_overrides={"score": pl.Int8})
    manifest = manifest.with_columns(group_id=pl.Series(list("aabbcc")))
    found = audit(manifest, "m", split=np.array(["train", "test"] * 3))
    kinds = {finding.kind for finding in found.findings}
    assert kinds == {"unreadable_images", "one_class_only", "groups_on_both_sides"}
    left_out = {each.check: each.kind for each in found.left_out}
    assert found.unseen and left_out["labels"] == "too_few_tiles"
    assert "groups on both sides" not in left_out


@pytest.mark.slow
def test_neighbours_say_where_they_lie(tmp_path):
    fields = phantom(tmp_path / "p", slides=3, tiles_per_slide=2, size=512, mpp=0.46)
    fields = fields.drop("group_id", "tile_id")
    corners = pl.DataFrame({"x": [0, 256, 0, 256], "y": [0, 0, 256, 256]})
    tiles = fields.join(corners, how="cross").with_columns(width=256, height=256)
    tiles = tiles.with_columns(
        tile_id=pl.format("t{}", pl.int_range(pl.len())), place=pl.concat_list("x", "y")
    )
    (found,) = [f for f in audit(tiles, "m").findings if f.kind.startswith("neighbours")]
    at = dict(tiles.select("tile_id", "place").iter_rows())
    image = dict(tiles.select("tile_id", "path").iter_rows())
    assert len(found.tiles) == len(found.places) > 6
    for (a, b), (first, second) in zip(found.tiles, found.places, strict=True):
        assert image[a] == image[b] and first == (0, 0)
        true = [(at[b][i] - at[a][i]) / 256 for i in (0, 1)]
        assert second == pytest.approx(true, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("split", [None, "train"])
def test_texts_are_sentences_and_titles_are_not(tmp_path, split):
    manifest = phantom(tmp_path / "p", slides=6, tiles_per_slide=4).drop("group_id")
    sides = None if split is None else np.full(len(manifest), split)
    found = audit(manifest, "m", split=sides)
    assert len(found.findings) > 1
    for finding in found.findings:
        assert not finding.title.endswith(".") and finding.title[0] not in "abcdefghijklmn"
        for text in (finding.effect, finding.hint):
            assert text.endswith(".") and not text.endswith("..") and text[0].isupper()


def test_every_kind_of_finding_is_explained_in_the_docs():
    sources = (ROOT / "src/her2bench/audit").rglob("*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    kinds = set(re.findall(r'kind="(\w+)",\n', text)) | set(re.findall(r'_Fault\(\s*"(\w+)"', text))
    kinds |= set(re.findall(r'^    "(\w+)": \($', text, re.MULTILINE))
    assert kinds >= OPTIMISTIC
    kinds |= {f"shortcut_{shortcut.name}" for shortcut in SHORTCUTS}
    docs = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    assert len(kinds) > 10
    assert sorted(kind for kind in kinds if f"`{kind}`" not in docs) == []

"""Which tiles stand in the gallery, and the gallery's folder."""

import io

import matplotlib.image
import numpy as np
import polars as pl
import pytest

from her2bench.core.checksums import seal_folder
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import RunThreshold
from her2bench.report.gallery_files import gallery_path, read_gallery, write_gallery
from her2bench.report.gallery_selection import gallery_tiles, select_tiles
from her2bench.report.sections.gallery_view import overlay


def shown(rows: list[tuple]) -> pl.DataFrame:
    """(model, tile, slide, target, logit) with threshold 0, seed 0."""
    table = pl.DataFrame(
        rows, schema=["model", "tile_id", "group_id", "target", "logit"], orient="row"
    )
    return table.with_columns(
        seed=0,
        fold=0,
        split=pl.lit("test"),
        threshold=0.0,
        call=pl.col("logit") > 0,
        probability=1 / (1 + (-pl.col("logit")).exp()),
    )


def test_errors_are_the_furthest_from_the_threshold_first() -> None:
    table = shown(
        [("net", "a", "s1", 0, 0.5), ("net", "b", "s2", 0, 3.0), ("net", "c", "s3", 1, -1.0),
         ("net", "d", "s4", 1, 9.0)]
    )  # fmt: skip
    assert select_tiles(table).errors == {"net": ["b", "c", "a"]}
    assert select_tiles(table, errors=1).tile_ids == ["b"]


def test_one_slide_gives_two_tiles_at_most() -> None:
    table = shown([("net", f"t{i}", "odd", 0, 5.0 + i) for i in range(5)])
    assert select_tiles(table).errors["net"] == ["t4", "t3"]
    unknown = table.with_columns(group_id=pl.lit(None, dtype=pl.String))
    assert len(select_tiles(unknown).errors["net"]) == 5


def test_disagreements_need_different_calls_not_only_different_numbers() -> None:
    table = shown(
        [("one", "a", "s", 1, 0.1), ("two", "a", "s", 1, 9.0),
         ("one", "b", "t", 1, 0.1), ("two", "b", "t", 1, -0.1),
         ("one", "c", "u", 1, 3.0), ("two", "c", "u", 1, -3.0)]
    )  # fmt: skip
    assert select_tiles(table).disagreements == ["c", "b"]


def test_baselines_choose_no_tiles() -> None:
    table = shown([("dab_baseline", "a", "s", 0, 3.0), ("net", "b", "t", 1, 2.0)])
    assert select_tiles(table).tile_ids == []


def test_the_first_seed_alone_counts() -> None:
    first = shown([("net", "a", "s", 0, 3.0)])
    second = shown([("net", "b", "t", 0, 8.0)]).with_columns(seed=1)
    assert select_tiles(pl.concat([first, second])).tile_ids == ["a"]


def test_gallery_tiles_uses_the_frozen_thresholds() -> None:
    table = shown([("net", "a", "s", 0, 3.0), ("net", "b", "t", 1, 2.0)])
    plain = table.drop("threshold", "call")
    frozen = RunThreshold("net", 0, 0, logit=5.0, probability=0.993, source="val")
    assert gallery_tiles(plain, [frozen]) == ["b"]  # below 5, so predicted negative, and wrongly


def test_the_gallery_comes_back_as_it_was_written(tmp_path) -> None:
    folder = ComparisonFolder(tmp_path)
    heat = np.arange(32, dtype=np.uint8).reshape(2, 4, 4)
    write_gallery(folder, ["a/../b", "c"], {"c": b"jpeg"}, {"lenet": heat})
    kept = read_gallery(folder)
    assert kept.thumbnails == {"c": b"jpeg"}
    assert (kept.maps["lenet"]["c"] == heat[1]).all()
    assert {p.name for p in gallery_path(folder).rglob("*.jpg")} == {"0001.jpg"}


def test_a_gallery_names_no_file_outside_itself(tmp_path) -> None:
    folder = ComparisonFolder(tmp_path)
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    write_gallery(folder, ["a"], {"a": b"jpeg"}, {})
    index = pl.DataFrame({"tile_id": ["a"], "file": ["../../secret.jpg"]})
    index.write_parquet(gallery_path(folder) / "index.parquet")
    seal_folder(gallery_path(folder))
    assert read_gallery(folder).thumbnails == {}


def test_no_gallery_and_a_broken_one(tmp_path) -> None:
    folder = ComparisonFolder(tmp_path)
    assert read_gallery(folder).thumbnails == {}
    write_gallery(folder, ["a"], {}, {"lenet": np.zeros((1, 2, 2), np.uint8)})
    (gallery_path(folder) / "maps" / "lenet.npy").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="gallery cannot be read"):
        read_gallery(folder)


def test_a_map_is_clear_where_the_network_did_not_look() -> None:
    png = overlay(np.array([[0, 255]], dtype=np.uint8))
    assert png.startswith(b"\x89PNG")
    pixels = matplotlib.image.imread(io.BytesIO(png))
    assert pixels[0, 0, 3] == 0 and 0.5 < pixels[0, -1, 3] < 0.9

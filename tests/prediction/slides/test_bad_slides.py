"""What is wrong with a slide, a run or an option is named; nothing is left behind."""

import numpy as np
import pytest
from benchmarks.pyramid import pyramid_of
from PIL import Image

import her2bench as hb
from her2bench.prediction.slides.predict_slides import slide_names

from .conftest import MPP, SIDE


@pytest.fixture
def small(image) -> np.ndarray:
    """Tissue, 2100 pixels wide."""
    return image[500:900, 100:2200]


def refused(tmp_path, run, given, match, **options):
    out = tmp_path / "out"
    with pytest.raises(hb.UserError, match=match) as caught:
        hb.predict(run, given, out, **{"device": "cpu", **options})
    assert not out.exists()
    return str(caught.value)


def test_a_slide_that_no_program_reads(tmp_path, run):
    (tmp_path / "a.svs").write_bytes(b"no slide" * 1000)
    assert "OpenSlide" in refused(tmp_path, run, tmp_path / "a.svs", r"a\.svs: cannot be read")


def test_a_truncated_slide(tmp_path, run, slide):
    data = slide.read_bytes()
    (tmp_path / "a.svs").write_bytes(data[: len(data) // 2])
    refused(tmp_path, run, tmp_path / "a.svs", r"a\.svs: (cannot|none of its)")


def test_missing_and_absurd_resolution(tmp_path, run, small):
    pyramid_of(tmp_path / "none.tiff", small, 2)
    pyramid_of(tmp_path / "screen.tiff", small, 2, 353.0)
    for name in ("none", "screen"):
        said = refused(tmp_path, run, tmp_path / f"{name}.tiff", "µm/pixel is missing")
        assert "0.5 µm/pixel" in said and "--mpp" in said
    (found,) = hb.predict(
        run, tmp_path / "none.tiff", tmp_path / "out", device="cpu", mpp=MPP
    ).slides
    assert found["mpp"] == MPP and found["tile_side"] == SIDE


def test_no_tissue(tmp_path, run):
    Image.new("RGB", (2100, 300), (235, 235, 240)).save(tmp_path / "glass.png")
    given = tmp_path / "glass.png"
    refused(tmp_path, run, given, r"glass\.png: no tissue", mpp=MPP)


def test_good_slides_are_kept_and_bad_ones_named(tmp_path, run, small):
    Image.fromarray(small).save(tmp_path / "good.png")
    Image.new("RGB", (2100, 300), (235, 235, 240)).save(tmp_path / "glass.png")
    given = [tmp_path / "glass.png", tmp_path / "good.png"]
    with pytest.raises(hb.UserError, match=r"glass\.png: no tissue"):
        hb.predict(run, given, tmp_path / "out", device="cpu", mpp=MPP)
    assert (tmp_path / "out" / "good" / "summary.json").is_file()
    found = hb.predict(run, given, tmp_path / "out", device="cpu", mpp=MPP, skip_bad=True)
    assert [summary["slide"] for summary in found.slides] == ["good"]
    assert [path for path, _ in found.left_out] == [str(given[0])]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"mpp": 0.001}, "--mpp: 0.001"),
        ({"mpp": float("nan")}, "--mpp: nan"),
        ({"overlap": 1.0}, "--overlap: 1"),
        ({"min_tissue": 2.0}, "--min-tissue: 2"),
        ({"tile_size": 3}, "--tile-size: 3"),
        ({"tile_size": 5000}, "at least one tile of 5000 x 5000"),
        ({"network": "alexnet"}, "a run of lenet"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_impossible_options(tmp_path, run, slide, options, match):
    refused(tmp_path, run, slide, match, **options)


def test_empty_folders_and_unfinished_runs(tmp_path, run, slide):
    (tmp_path / "empty").mkdir()
    refused(tmp_path, run, tmp_path / "empty", "no image in it")
    refused(tmp_path, tmp_path / "empty", slide, "DONE")


def test_a_folder_of_another_kind_is_not_replaced(tmp_path, run, slide):
    (tmp_path / "out" / "one").mkdir(parents=True)
    (tmp_path / "out" / "one" / "mine.txt").write_text("mine")
    with pytest.raises(hb.UserError, match=r"exists already[\s\S]*--overwrite"):
        hb.predict(run, slide, tmp_path / "out", device="cpu")
    assert [path.name for path in tmp_path.joinpath("out").rglob("*.*")] == ["mine.txt"]


def test_one_level_umlauts_and_transparency_work(tmp_path, run, small):
    clear = np.full(small.shape[:2], 255, np.uint8)
    clear[:, :300] = 0  # a part that was not scanned: laid on white
    path = tmp_path / "Schnitt Ä 1.png"
    Image.fromarray(np.dstack([small, clear])).save(path)
    (found,) = hb.predict(run, path, tmp_path / "out", device="cpu", mpp=MPP).slides
    assert found["slide"] == "Schnitt Ä 1"
    pyramid_of(tmp_path / "one level.tiff", small, 1, MPP)
    (found,) = hb.predict(run, tmp_path / "one level.tiff", tmp_path / "out", device="cpu").slides
    assert found["tiles"] > 10


def test_sixteen_bits_are_scaled_or_refused(tmp_path, run, small):
    grey = small.mean(axis=2)
    Image.fromarray((grey * 257).astype(np.uint16)).save(tmp_path / "grey.png")
    refused(tmp_path, run, tmp_path / "grey.png", "no tissue", mpp=MPP)  # no colour, no stain
    Image.fromarray(grey.astype(np.uint16)).save(tmp_path / "dark.png")
    refused(tmp_path, run, tmp_path / "dark.png", r"dark\.png: cannot be read.*bit", mpp=MPP)


def test_slides_of_one_name_get_folders_of_their_own(tmp_path):
    paths = [tmp_path / "a" / "x.svs", tmp_path / "a" / "X.tiff", tmp_path / "b" / "x.svs"]
    assert len({name.casefold() for name in slide_names(paths)}) == 3

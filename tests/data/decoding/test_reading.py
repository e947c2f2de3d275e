"""Reading tiles: every mode, regions, slides, and the reason where it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from her2bench.data.decoding import reading, whole_images
from her2bench.data.decoding.reading import (
    Region,
    UnreadableImage,
    open_image,
    read_tile,
    read_tiles,
)
from her2bench.data.decoding.rgb import quickly_resized, resized, to_rgb

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (30, 40, 3), dtype=np.uint8)


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    Image.fromarray(NOISE).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def test_whole_and_region(noise):
    assert np.array_equal(read_tile(noise), NOISE)
    assert np.array_equal(read_tile(str(noise), Region(3, 4, 10, 20)), NOISE[4:24, 3:13])


def test_content_decides_not_the_ending(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "tile.png", "JPEG", quality=95)
    expected = np.asarray(Image.open(tmp_path / "tile.png").convert("RGB"))
    assert np.array_equal(read_tile(tmp_path / "tile.png"), expected)


def one_pixel(mode: str, value, **info) -> Image.Image:
    image = Image.new(mode, (1, 1), value)
    image.info.update(info)
    return image


def palette() -> Image.Image:
    image = Image.new("P", (1, 1), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (one_pixel("L", 7), (7, 7, 7)),
        (one_pixel("1", 1), (255, 255, 255)),
        (one_pixel("LA", (100, 0)), (255, 255, 255)),
        (one_pixel("RGBA", (10, 20, 30, 255)), (10, 20, 30)),
        (one_pixel("RGBA", (10, 20, 30, 0)), (255, 255, 255)),
        (one_pixel("CMYK", (0, 0, 0, 0)), (255, 255, 255)),
        (one_pixel("I;16", 257 * 90), (90, 90, 90)),
        (one_pixel("I", 65535), (255, 255, 255)),
        (one_pixel("F", 0.5), (128, 128, 128)),
        (one_pixel("F", 200.4), (200, 200, 200)),
        (palette(), (10, 20, 30)),
        (one_pixel("RGB", (1, 2, 3)), (1, 2, 3)),
    ],
)
def test_modes(image, expected):
    assert to_rgb(image).getpixel((0, 0)) == expected


def test_16_bit_grey_file_keeps_its_levels(tmp_path):
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    expected = np.rint(grey / 257).astype(np.uint8)
    assert np.array_equal(read_tile(tmp_path / "grey.png")[..., 0], expected)


def test_palette_transparency_is_white(tmp_path):
    image = Image.new("P", (2, 2), 0)
    image.putpalette([9, 9, 9])
    image.save(tmp_path / "p.png", transparency=0)
    assert (read_tile(tmp_path / "p.png") == 255).all()


def test_resized_is_pillow_bilinear_with_antialiasing():
    expected = Image.fromarray(NOISE).resize((7, 7), Image.Resampling.BILINEAR)
    assert np.array_equal(resized(NOISE, 7), np.asarray(expected))


@pytest.mark.parametrize("size", [7, 30, 50])
def test_quickly_resized_is_the_same_but_for_rounding(size):
    exact, quick = resized(NOISE, size), quickly_resized(NOISE.copy(), size)
    assert quick.shape == exact.shape
    assert np.abs(exact.astype(int) - quick).max() <= 1


def test_one_decode_for_all_regions(noise, monkeypatch):
    opened = []
    monkeypatch.setattr(whole_images, "to_rgb", lambda image: opened.append(1) or image)
    list(read_tiles(noise, [Region(x, 0, 5, 5) for x in range(20)]))
    assert len(opened) == 1


def test_bad_region_does_not_spoil_the_others(noise):
    good, bad, also = read_tiles(noise, [Region(0, 0, 5, 5), Region(36, 0, 5, 5), None])
    assert isinstance(bad, UnreadableImage) and "40 x 30" in str(bad)
    assert isinstance(good, np.ndarray) and isinstance(also, np.ndarray)


def test_larger_than_pillows_own_limit(tmp_path):
    Image.new("1", (10_000, 9_000)).save(tmp_path / "core.png")
    assert read_tile(tmp_path / "core.png", Region(9_990, 8_990, 10, 10)).shape == (10, 10, 3)


def test_absurd_size_is_refused(noise, monkeypatch):
    monkeypatch.setattr(reading, "MOST_PIXELS", 1_000)
    with pytest.raises(UnreadableImage, match="40 x 30 pixels is more than"):
        read_tile(noise)


@pytest.mark.parametrize(
    ("unit", "resolution", "expected"),
    [(3, 20_000, 0.5), (2, 50_800, 0.5), (2, 72, None), (1, 1, None)],
)
def test_mpp_of_a_plain_tiff(tmp_path, unit, resolution, expected):
    path = tmp_path / "plain.tif"
    Image.fromarray(NOISE).save(path, tiffinfo={282: resolution, 283: resolution, 296: unit})
    mpp = open_image(path).mpp
    assert mpp == (None if expected is None else pytest.approx(expected))


def test_overview_of_a_jpeg_is_small(tmp_path):
    Image.new("RGB", (800, 400), (200, 100, 50)).save(tmp_path / "big.jpg", quality=95)
    small = open_image(tmp_path / "big.jpg").overview(100)
    assert small.shape == (50, 100, 3)
    assert np.abs(small.astype(int) - (200, 100, 50)).max() <= 3


@pytest.fixture
def real() -> Path:
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    return Path(folder)


def test_slide_by_openslide(real):
    slide = open_image(real / "slides" / "cmu_small_region.svs")
    assert (slide.width, slide.height, slide.mpp) == (2220, 2967, 0.499)
    assert slide.read(Region(100, 200, 30, 20)).shape == (20, 30, 3)
    assert max(slide.overview(300).shape) == 300


def test_pyramid_without_resolution(real):
    slide = open_image(real / "slides" / "her2_tma_core_3plus_pyramid.tiff")
    assert (slide.width, slide.height, slide.mpp) == (5468, 5468, None)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("keep", [0.05, 0.6])
def test_truncated_slide_has_a_reason(real, tmp_path, keep):
    whole = (real / "slides" / "cmu_small_region.svs").read_bytes()
    (tmp_path / "cut.svs").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(UnreadableImage):
        read_tile(tmp_path / "cut.svs", Region(0, 2900, 2220, 60))


def test_a_picture_just_over_the_limit_is_refused_without_a_warning(tmp_path):
    """In a process of its own: here pytest decides about warnings."""
    head = b"GIF89a" + (40_000).to_bytes(2, "little") * 2 + b"\x00\x00\x00"
    frame = b"," + bytes(4) + (40_000).to_bytes(2, "little") * 2 + b"\x00\x02\x00;"
    (tmp_path / "large.gif").write_bytes(head + frame)
    read = "print(*read_tiles(sys.argv[1], [None]))"
    code = f"import sys; from her2bench.data.decoding.reading import read_tiles; {read}"
    given = [sys.executable, "-c", code, str(tmp_path / "large.gif")]
    done = subprocess.run(given, capture_output=True, text=True, check=True)
    assert "40000 x 40000 pixels is more than can be decoded" in done.stdout
    assert not done.stderr

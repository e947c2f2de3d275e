"""The measures themselves, on drawn tiles whose truth is known, and on real ones."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from her2bench.audit.checks.image_quality import BLURRED, CLIPPED, PINK, check_images
from her2bench.audit.checks.labels import LEAST_BROWN, check_labels
from her2bench.audit.context import AuditContext
from her2bench.audit.features.audited_tile import AuditedTile, FileFacts
from her2bench.audit.features.extraction import observe
from her2bench.audit.features.jpeg import jpeg_quality
from her2bench.audit.features.quality import QUALITY_FEATURES, measure, overview
from her2bench.core.manifest import read_manifest, targets
from her2bench.data.decoding.reading import read_tile
from her2bench.data.sources.bci import bci_manifest
from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.stain import stain_matrix, to_rgb

FACTS = FileFacts("t.png", "PNG", "RGB", 0, 0, 1000, 0.0, None)
REAL = os.environ.get("HER2BENCH_REAL_DATA")
needs_real = pytest.mark.skipif(not REAL, reason="HER2BENCH_REAL_DATA is not set")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measures") / "phantom"
    settings = PhantomSettings(slides=16, tiles_per_slide=8, size=256, seed=5)
    write_phantom(folder, settings, workers=1)
    return read_manifest(folder / "manifest.csv")


@pytest.fixture(scope="module")
def seen(phantom):
    return observe(phantom, [QUALITY_FEATURES])


def of(rgb):
    return measure(AuditedTile(rgb, FACTS, None))


@pytest.mark.slow
def test_every_measure_is_of_the_kind_it_says(phantom):
    values = of(read_tile(phantom["path"][0]))
    assert list(values) and set(values) == set(QUALITY_FEATURES.fields)
    for name, (kind, shape) in QUALITY_FEATURES.fields.items():
        assert np.shape(np.asarray(values[name], kind)) == shape, name


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 3), (64, 65, 3), (700, 300, 3)])
def test_any_shape_can_be_measured(shape):
    values = of(np.full(shape, 200, np.uint8))
    assert values["tissue"] == 0
    numbers = [value for name, value in values.items() if name not in ("format", "mode")]
    assert all(np.isfinite(value).all() for value in numbers)


@pytest.mark.slow
def test_the_background_is_the_slides(phantom, seen):
    error = seen["white"].mean(axis=1) - phantom["white_level"].cast(float).to_numpy()
    assert np.median(np.abs(error)) < 5


def test_tiles_without_tumour_are_told_by_brown_alone(phantom, seen):
    """Of positive slides: nearly all without tumour are below, few that earn their score."""
    positive = (phantom["score"] >= 2).to_numpy()
    own = phantom["tile_score"].cast(float).to_numpy()
    pale = seen["brown"] < LEAST_BROWN
    assert pale[positive & np.isnan(own)].mean() > 0.9
    assert pale[positive & (own >= 2)].mean() < 0.15


def test_blur_is_seen_and_ordinary_tiles_are_not(phantom, seen):
    assert (seen["sharpness"][:, 1] > BLURRED).all()
    blurred = [
        of(np.asarray(Image.open(path).filter(ImageFilter.GaussianBlur(3))))["sharpness"][1]
        for path in phantom["path"][:20]
    ]
    assert np.mean(np.array(blurred) < BLURRED) > 0.9


def test_a_ratio_of_contrasts_does_not_move_with_the_stain(phantom):
    rgb = read_tile(phantom["path"][3])
    pale = (255 - (255 - rgb.astype(float)) * 0.6).round().astype(np.uint8)
    assert of(pale)["sharpness"] == pytest.approx(of(rgb)["sharpness"], abs=0.06)


def test_burning_out_is_seen(seen):
    assert (seen["clipped"] < CLIPPED).all()
    rng = np.random.default_rng(0)
    rgb = rng.integers(230, 280, (256, 256, 1)).repeat(3, 2).clip(0, 255).astype(np.uint8)
    assert of(rgb)["clipped"] > CLIPPED


def test_blackness_is_seen():
    rgb = np.full((64, 64, 3), 150, np.uint8)
    rgb[32:] = 0
    assert of(rgb)["clipped"] > CLIPPED and of(np.zeros_like(rgb))["clipped"] == 1


def test_eosin_is_seen_and_dab_is_not(seen):
    assert (seen["pink"] > PINK).all()
    eosin = np.array([0.07, 0.99, 0.11])
    amounts = np.random.default_rng(0).lognormal(-1.2, 0.5, (128, 128, 1))
    stain = np.where(np.arange(128)[:, None, None] % 16 < 8, eosin, stain_matrix()[0])
    assert of(to_rgb(amounts * stain, 240))["pink"] < PINK


def test_a_frame_is_in_the_rim_alone():
    rgb = np.full((256, 256, 3), 200, np.uint8)
    rgb[:8] = rgb[-8:] = rgb[:, :8] = rgb[:, -8:] = 50
    values = of(rgb)
    assert values["rim"][:3] == pytest.approx([50] * 3, abs=1)
    assert values["inner_rim"][:3] == pytest.approx([200] * 3)


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_jpeg_quality_is_what_pillow_was_asked_for(quality):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG", quality=quality)
    with Image.open(stream) as image:
        assert jpeg_quality(np.array(list(image.quantization.values()))) == quality


def test_an_overview_is_shrunk_by_a_whole_factor():
    assert overview(np.zeros((1024, 1024, 3), np.uint8)).shape == (256, 256, 3)
    assert overview(np.zeros((300, 200, 3), np.uint8)).shape == (300, 200, 3)


@needs_real
def test_bci_tiles_without_tumour_are_found_and_their_names_are_wrong():
    manifest = bci_manifest(Path(str(REAL)) / "bci")
    target = targets(manifest, "2+").to_numpy()
    evidence = AuditContext(manifest, target, "2+", observe(manifest, [QUALITY_FEATURES]), None)
    labels = {f.kind: f for f in check_labels(evidence).findings}
    pale = {tiles[0][:5] for tiles in labels["unstained_tiles_in_positive_slides"].tiles}
    assert pale == {"00003", "00008", "00009", "00011"}
    images = {f.kind: f for f in check_images(evidence).findings}
    assert list(images) == ["wrong_extension"]
    assert images["wrong_extension"].number == 14


@needs_real
def test_another_stain_is_found_among_real_slides():
    rgb = read_tile(Path(str(REAL)) / "slides" / "cmu_small_region.svs")
    assert of(rgb[1000:1512, 600:1112])["pink"] < PINK

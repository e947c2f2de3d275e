"""Fingerprints hold for any tile, and measure what their names say."""

import numpy as np
import pytest

from her2bench.audit.features.audited_tile import AuditedTile, FileFacts
from her2bench.audit.slides.scanner_features import NAMES, SCANNER_FEATURES, fingerprints


def tile(size=128, white=215, noise=1.0, seed=0):
    """A tile whose left half is glass, with grains of blue and brown on the right."""
    rng = np.random.default_rng(seed)
    rgb = np.full((size, size, 3), (white + 2, white, white - 3), float)
    half = size // 2
    kinds = rng.integers(0, 3, (size // 4, half // 4)).repeat(4, 0).repeat(4, 1)
    rgb[:, half:] = np.array([(200, 185, 190), (120, 125, 170), (150, 105, 70)])[kinds]
    return np.clip(rgb + noise * rng.standard_normal(rgb.shape) + 0.5, 0, 255).astype(np.uint8)


def of(rgb, name):
    return fingerprints(rgb)[0][NAMES.index(name)]


def test_glass():
    assert of(tile(), "glass") == pytest.approx(215, abs=0.4)
    assert of(tile(), "glass_red") == pytest.approx(2, abs=0.4)
    assert of(tile(), "glass_blue") == pytest.approx(-3, abs=0.4)


def test_noise_and_light():
    assert of(tile(noise=3), "noise") > of(tile(noise=1), "noise") + 0.7
    assert of(tile(white=240), "top") == pytest.approx(of(tile(), "top") + 25, abs=1)


def test_sharpness():
    sharp = tile()
    soft = sharp.astype(np.uint16)
    soft[:, 1:-1] = (soft[:, :-2] + soft[:, 1:-1] + soft[:, 2:]) // 3
    assert of(soft.astype(np.uint8), "power_7") < of(sharp, "power_7")
    assert of(soft.astype(np.uint8), "edges_2") > of(sharp, "edges_2")


def test_turning_a_tile_changes_little():
    spread = np.abs(fingerprints(tile())[0] - fingerprints(tile(seed=1))[0]) + 0.05
    turned = fingerprints(np.rot90(tile(), 2).copy())[0]
    assert np.median(np.abs(turned - fingerprints(tile())[0]) / spread) < 2


@pytest.mark.parametrize("shape", [(1, 5), (16, 16), (31, 90), (32, 32), (33, 47), (256, 40)])
@pytest.mark.parametrize("fill", [0, 255, None])
def test_any_tile_gives_numbers(shape, fill):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (*shape, 3), np.uint8)
    rgb = noise if fill is None else np.full_like(noise, fill)
    facts = FileFacts("", "JPEG", "RGB", *shape, 1, 0.0, np.full((2, 64), 4))
    taken = SCANNER_FEATURES.take(AuditedTile(rgb, facts, None))
    for name, value in taken.items():
        assert np.shape(value) == SCANNER_FEATURES.fields[name][1] and np.isfinite(value).all()
    assert taken["quantisation"] == pytest.approx(np.log(4))
    assert ("fingerprint" in taken) == (min(shape) >= 32)

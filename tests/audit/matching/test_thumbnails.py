"""Looks: the eight symmetries, the descriptor that survives them, and empty glass."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from her2bench.audit.matching.thumbnails import (
    SIDE,
    _descriptors,
    coefficients,
    correlations,
    look,
    overlap_agreement,
    similar_looks,
    turned,
)


def textures(n: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((n, SIDE, SIDE))
    smooth = gaussian_filter(noise, (0, 2, 2), mode="wrap")
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def test_the_eight_symmetries_are_those_of_the_square():
    picture = np.arange(9).reshape(3, 3)
    ours = {turned(picture, s).tobytes() for s in range(8)}
    square = {np.rot90(p, k).tobytes() for p in (picture, picture[:, ::-1]) for k in range(4)}
    assert ours == square and len(ours) == 8


@pytest.mark.parametrize("symmetry", range(8))
def test_correlation_under_a_symmetry_is_that_of_the_turned_picture(symmetry):
    a, b = textures(2)
    (both, _), (other, _) = coefficients(np.stack([a, b])), coefficients(turned(b, symmetry)[None])
    ours = correlations(both[:1], both[1:])[0, symmetry]
    assert ours == pytest.approx(float((both[0] * other[0]).sum()), abs=1e-4)


def test_descriptors_do_not_change_with_turning_and_never_lie_further_apart_than_the_looks():
    looks = textures(30)
    parts, _ = coefficients(looks)
    turns, _ = coefficients(np.stack([turned(p, i % 8) for i, p in enumerate(looks)]))
    each = _descriptors(np.concatenate([parts, turns]))
    assert np.allclose(each[:30], each[30:], atol=1e-4)
    apart = np.linalg.norm(each[:30, None] - each[None, :30], axis=-1)
    looks_apart = np.sqrt(np.maximum(0, 2 - 2 * np.einsum("aij,bij->ab", parts, parts)))
    assert (apart <= looks_apart + 1e-3).all()


def test_turned_looks_are_found_and_others_are_not():
    looks = textures(200)
    again = np.stack([turned(looks[i], i % 8) for i in range(40)])
    noise = np.random.default_rng(1).normal(0, 2, again.shape)
    again = np.clip(again + noise, 0, 255).astype(np.uint8)
    pairs, symmetry, agreement = similar_looks(np.concatenate([looks, again]))
    assert pairs.tolist() == [[i, 200 + i] for i in range(40)]
    for (i, j), s in zip(pairs, symmetry, strict=True):
        back = turned(again[j - 200], s).astype(float)
        assert np.corrcoef(back.ravel(), looks[i].ravel())[0, 1] > 0.95
    assert (agreement > 0.95).all()


def test_empty_glass_is_like_nothing():
    rng = np.random.default_rng(2)
    light = 240 + 8 * np.linspace(-1, 1, SIDE)[:, None]  # uneven light, the same in all
    glass = np.clip(light + rng.normal(0, 0.7, (50, SIDE, SIDE)), 0, 255).astype(np.uint8)
    assert len(similar_looks(glass)[0]) == 0
    assert len(similar_looks(glass[:1])[0]) == 0 and len(similar_looks(glass[:0])[0]) == 0


def test_a_look_is_the_mean_grey_of_its_fields():
    grey = np.random.default_rng(3).integers(0, 256, (128, 256), dtype=np.uint8)
    means = grey.reshape(SIDE, 2, SIDE, 4).mean((1, 3))
    assert np.abs(look(Image.fromarray(grey)) - means).max() <= 1  # Pillow rounds twice


def test_looks_agree_where_tiles_overlap_unless_their_levels_differ():
    whole = np.random.default_rng(2).integers(60, 200, (80, 80)).astype(np.float32)
    whole = gaussian_filter(whole, 1.5).repeat(4, 0).repeat(4, 1)
    left, right = (
        np.asarray(look(Image.fromarray(whole[:256, x : x + 256].astype(np.uint8))))
        for x in (0, 57)
    )
    sizes = np.array([256, 256]), np.array([256, 256])
    assert overlap_agreement(left, right, np.array([57.0, 0.0]), sizes) > 0.95
    assert overlap_agreement(right, left, np.array([-57.0, 0.0]), sizes) > 0.95
    assert overlap_agreement(left, right, np.array([97.0, 0.0]), sizes) < 0.5
    assert overlap_agreement(left, right + np.uint8(30), np.array([57.0, 0.0]), sizes) < 0.5


def test_looks_without_contrast_or_without_a_common_field_agree_in_nothing():
    flat, sizes = np.full((64, 64), 240, np.uint8), (np.array([256, 256]), np.array([256, 256]))
    assert overlap_agreement(flat, flat, np.array([10.0, 0.0]), sizes) == 0
    spots = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    assert overlap_agreement(spots, spots, np.array([255.5, 0.0]), sizes) == 0

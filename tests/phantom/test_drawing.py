"""Drawn fields: physics, truth, determinism."""

import dataclasses

import numpy as np
import pytest

from her2bench.phantom import PhantomSettings, draw_field, draw_slide, draw_slides, field_truth
from her2bench.phantom.canvas import Canvas
from her2bench.phantom.optics import blurred, photograph
from her2bench.stain import dab_percentiles, white_point


def slide(score: int = 3, **changes: object):
    drawn = draw_slide(0, score, 5, np.random.default_rng(score))
    return dataclasses.replace(drawn, **changes)


def test_the_same_seed_draws_the_same_field_and_another_another() -> None:
    first, _ = draw_field(slide(), np.random.default_rng(4), 96, 128, 0.92)
    again, _ = draw_field(slide(), np.random.default_rng(4), 96, 128, 0.92)
    other, _ = draw_field(slide(), np.random.default_rng(5), 96, 128, 0.92)
    assert first.shape == (96, 128, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_truth_without_drawing_is_the_truth_of_the_drawing() -> None:
    for seed in range(5):
        _, drawn = draw_field(slide(2), np.random.default_rng(seed), 100, 80, 0.8)
        undrawn = field_truth(slide(2), np.random.default_rng(seed), 100, 80, 0.8)
        assert np.array_equal(drawn.y, undrawn.y)
        assert np.array_equal(drawn.staining.density, undrawn.staining.density)
        assert drawn.score == undrawn.score


def test_the_parts_of_a_field_hold_all_its_cells() -> None:
    truth = field_truth(slide(tumour=0.0), np.random.default_rng(0), 300, 200, 1.0)
    parts = [truth.within(y, x, 150, 100) for y in (0, 150) for x in (0, 100)]
    assert sum(len(p.y) for p in parts) == len(truth.y) > 200
    assert np.mean([p.tumour_fraction for p in parts]) == pytest.approx(truth.tumour_fraction)


@pytest.mark.parametrize("mpp", [0.25, 0.46, 0.92, 2.0])
def test_coarser_and_finer_sampling_work(mpp: float) -> None:
    image, _ = draw_field(slide(), np.random.default_rng(0), 64, 64, mpp)
    assert image.std() > 0.5


def test_light_follows_beer_and_lambert() -> None:
    scanner = slide(noise=0.0, sharpening=0.0)
    canvas = Canvas.blank(scanner, 32, 32, 0.5)
    canvas.blue += np.float32(0.3)
    canvas.brown += np.float32(0.5)
    image = photograph(canvas, np.random.default_rng(0))
    density = 0.3 * np.array(scanner.haematoxylin) + 0.5 * np.array(scanner.dab)
    assert np.abs(image[16, 16] - np.array(scanner.white) * 10**-density).max() <= 0.5


def test_blur_has_the_variance_asked_for_and_keeps_the_light() -> None:
    planes = np.zeros((1, 41, 41), np.float32)
    planes[0, 20, 20] = 1
    out = blurred(planes, 1.4)[0]
    steps = np.arange(41) - 20
    assert out.sum() == pytest.approx(1, abs=1e-5)
    assert (out.sum(axis=0) * steps**2).sum() == pytest.approx(1.4**2, rel=1e-3)


def test_a_slide_of_bare_glass_shows_its_white_level() -> None:
    empty = slide(glass=9.0, white_level=215, white=(215.0, 214.0, 212.0))
    image, truth = draw_field(empty, np.random.default_rng(0), 64, 64, 0.92)
    assert np.abs(white_point(image) - [215, 214, 212]).max() < 2
    assert truth.score is None
    assert truth.tumour_fraction == 0


def test_strong_expression_is_brown_and_none_is_not() -> None:
    amounts = []
    for score, expression in enumerate((-2.0, 0.35, 1.35, 3.3)):
        drawn = slide(expression=expression, tumour=3.0, lumen=9.0, spread_tiles=0.01, glass=-9.0)
        image, truth = draw_field(drawn, np.random.default_rng(1), 128, 128, 0.46)
        amounts.append(dab_percentiles(image[None])[0, -1])
        assert truth.score == score
    assert (np.diff(amounts) > 0.01).all()
    assert amounts[-1] > 5 * amounts[0]


def test_tiles_of_a_slide_look_alike() -> None:
    slides = draw_slides(PhantomSettings(slides=6))
    means = np.array(
        [
            [draw_field(s, np.random.default_rng(k), 64, 64, 0.92)[0].mean() for k in range(4)]
            for s in slides
        ]
    )
    assert means.mean(axis=1).std() > means.std(axis=1).mean()

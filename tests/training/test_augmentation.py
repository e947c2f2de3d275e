"""Augmentation of training tiles: what changes, and that a score does not."""

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr

from her2bench.phantom import PhantomSettings, write_phantom
from her2bench.stain import dab_percentiles, white_points
from her2bench.training.augmentation import CHANGES, STAIN, WHITE, augment


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """Tiles of all four scores (n, 96, 96, 3), and their scores."""
    folder = tmp_path_factory.mktemp("phantom") / "tiles"
    settings = PhantomSettings(slides=24, tiles_per_slide=3, size=96, mpp=0.92, seed=3)
    write_phantom(folder, settings, workers=1)
    table = pl.read_csv(folder / "manifest.csv")
    tiles = [np.array(Image.open(folder / path)) for path in table["path"]]
    return torch.from_numpy(np.stack(tiles)), table["score"].to_numpy()


def seeded():
    return torch.Generator().manual_seed(0)


def test_flips_and_rotations_move_pixels_and_change_none():
    tiles = torch.arange(2 * 4 * 4 * 3).view(2, 4, 4, 3).repeat(32, 1, 1, 1)
    out = augment(tiles.clone(), ("flip", "rotate"), seeded())
    assert torch.equal(out.flatten(1).sort().values, tiles.flatten(1).sort().values)
    assert len({tuple(t.flatten().tolist()) for t in out[::2]}) == 8  # the symmetries of a square
    assert torch.equal(augment(tiles, (), torch.Generator()), tiles)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_keeps_what_a_score_is_read_from(kind, phantom):
    """DAB's 90th percentile: tiles keep their order, and move by little of what parts scores."""
    tiles, scores = phantom
    out = augment(tiles.clone(), (kind,), seeded())
    assert out.dtype == torch.uint8 and out.shape == tiles.shape
    before, after = (dab_percentiles(t.numpy())[:, 3] for t in (tiles, out))
    between = np.median(before[scores == 3]) - np.median(before[scores == 2])
    assert np.median(np.abs(after - before)) < 0.1 * between
    assert spearmanr(before, after).statistic > 0.95
    changed = [not torch.equal(a, b) for a, b in zip(tiles, out, strict=True)]
    assert np.mean(changed) > (0.3 if kind in ("blur", "jpeg") else 0.95)
    assert torch.equal(out, augment(tiles.clone(), (kind,), seeded()))


@pytest.mark.parametrize("kind", CHANGES)
def test_strength_is_a_factor_on_how_far_a_tile_changes(kind, phantom):
    tiles = phantom[0][:24]

    def moved(strength):
        out = augment(tiles.clone(), (kind,), seeded(), strength)
        return (out.float() - tiles.float()).abs().mean().item()

    assert moved(0.0) == 0 < moved(0.5) < moved(1.0) < moved(2.0)
    assert torch.equal(
        augment(tiles.clone(), (kind,), seeded(), 1.0), augment(tiles.clone(), (kind,), seeded())
    )


def test_flips_have_no_strength():
    tiles = torch.arange(8 * 4 * 4 * 3).view(8, 4, 4, 3)
    weak, strong = (augment(tiles.clone(), ("flip", "rotate"), seeded(), s) for s in (0.0, 2.0))
    assert torch.equal(weak, strong) and not torch.equal(weak, tiles)


def test_tiles_of_a_batch_change_apart(phantom):
    same = phantom[0][:1].repeat(8, 1, 1, 1)
    for kind in CHANGES:
        out = augment(same.clone(), (kind,), seeded())
        assert len({tile.numpy().tobytes() for tile in out}) > 3, kind


def test_stain_amounts_change_within_their_bounds(phantom):
    strong = phantom[0][phantom[1] == 3]
    out = augment(strong.clone(), ("stain",), seeded())
    ratio = dab_percentiles(out.numpy())[:, 4] / dab_percentiles(strong.numpy())[:, 4]
    assert ratio.min() < 0.97 and ratio.max() > 1.03
    assert ratio.min() > 1 - 2 * STAIN and ratio.max() < 1 + 2 * STAIN


def test_light_changes_within_its_bounds(phantom):
    out = augment(phantom[0].clone(), ("white",), seeded())
    ratio = white_points(out.numpy()) / white_points(phantom[0].numpy())
    assert 1 - 2 * WHITE < ratio.min() < ratio.max() < 1 + 2 * WHITE
    assert ratio.std() > WHITE / 3

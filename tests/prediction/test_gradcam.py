"""Grad-CAM on networks whose evidence is known, on every model, and after randomising."""

import numpy as np
import pytest
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.core.vocabulary import NETWORKS
from her2bench.models.registry import build_model
from her2bench.phantom import PhantomSettings, draw_slides, tile_truth, tiles_of
from her2bench.phantom.drawing import draw_field
from her2bench.prediction.gradcam import (
    enlarged,
    explained_layer,
    gallery_maps,
    gradcam,
    normalised,
)
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, save_trained

CPU = torch.device("cpu")


class BlueLess(nn.Module):
    """Logit: how much less blue than red there is on average. `sign` -1 turns it round."""

    def __init__(self, sign: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 1, 1), nn.ReLU(inplace)
        nn.init.zeros_(self.conv.bias)
        self.conv.weight.data = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1)
        self.sign = sign

    def forward(self, tiles: torch.Tensor) -> torch.Tensor:
        return self.sign * self.relu(self.conv(tiles)).mean(dim=(1, 2, 3))


def brown_square() -> np.ndarray:
    tile = np.full((1, 16, 16, 3), 220, np.uint8)
    tile[0, 4:8, 8:12] = (150, 90, 50)
    return tile


@pytest.mark.parametrize("inplace", [False, True])
def test_all_mass_lies_on_the_one_thing_a_network_looks_at(inplace):
    (found,) = gradcam(BlueLess(inplace=inplace), brown_square(), Normalization(), CPU)
    assert found[4:8, 8:12].min() > 0
    assert found.sum() == pytest.approx(found[4:8, 8:12].sum())


def test_nothing_that_speaks_for_positive_gives_an_empty_map():
    assert not gradcam(BlueLess(sign=-1.0), brown_square(), Normalization(), CPU).any()


def test_map_equals_the_formula_of_the_paper():
    torch.manual_seed(0)
    model, tiles = build_model("lenet", 64).eval(), _noise(3)
    prepare = Normalization((0.5, 0.4, 0.6), (0.2, 0.3, 0.1))
    activation = model.features[:5](prepare(torch.from_numpy(tiles)))
    activation.retain_grad()
    model.classifier(model.features[5](activation)).sum().backward()
    weights = activation.grad.mean(dim=(2, 3), keepdim=True)
    expected = (weights * activation).sum(dim=1).clamp(min=0).detach().numpy()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(gradcam(model, tiles, prepare, CPU), expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_model_has_maps(name):
    torch.manual_seed(1)
    model = build_model(name, 64)
    model.train()
    tiles = _noise(3)
    maps = gradcam(model, tiles, Normalization(), CPU)
    assert maps.dtype == np.float32 and len(maps) == 3
    assert maps.shape[1] >= 2 and maps.shape[2] >= 2
    assert maps.min() >= 0 and maps.max() > 0
    assert not model.training, "dropout would change the map from call to call"
    one_by_one = np.concatenate([gradcam(model, t[None], Normalization(), CPU) for t in tiles])
    np.testing.assert_allclose(maps, one_by_one, rtol=1e-3, atol=1e-7)
    assert all(p.grad is None for p in model.parameters())


def test_the_layer_is_the_last_convolution_with_extent_and_what_rectifies_it():
    gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.ReLU())
    conv, norm, relu = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    model = nn.Sequential(conv, norm, relu, nn.MaxPool2d(2), gate)
    assert explained_layer(model, torch.zeros(1, 3, 16, 16)) is relu
    assert (
        explained_layer(nn.Sequential(conv, nn.MaxPool2d(2), relu), torch.zeros(1, 3, 16, 16))
        is conv
    )


def test_a_network_without_convolutions_has_no_map():
    model, tiles = nn.Sequential(nn.Flatten(), nn.Linear(12, 1)), np.zeros((5, 2, 2, 3), np.uint8)
    assert explained_layer(model, torch.zeros(1, 3, 2, 2)) is None
    assert gradcam(model, tiles, Normalization(), CPU).tolist() == np.zeros((5, 1, 1)).tolist()


def test_no_tiles_no_maps():
    empty = np.empty((0, 16, 16, 3), np.uint8)
    assert len(gradcam(BlueLess(), empty, Normalization(), CPU)) == 0


def test_enlarged_keeps_place_and_level():
    small = np.zeros((1, 3, 3), np.float32)
    small[0, 0, 2] = 1
    big = enlarged(small, 60, 60)[0]
    assert np.unravel_index(big.argmax(), big.shape)[0] < 20
    assert big[:20, 40:].mean() > 10 * big[40:, :20].mean()
    assert big.max() == pytest.approx(1, abs=1e-6)


def test_normalised_survives_an_empty_map():
    assert normalised(np.zeros((2, 3, 3), np.float32)).max() == 0


def test_gallery_maps_come_from_the_weights_of_the_run(tmp_path):
    torch.manual_seed(2)
    model, run, tiles = build_model("lenet", 64), RunFolder(tmp_path / "run"), _noise(2)
    prepare = Normalization((0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
    save_trained(model, ModelMetadata("lenet", 64, prepare, 0.0, "2+"), run.weights)
    with pytest.raises(UserError, match="no finished run"):
        gallery_maps(run, tiles, CPU)
    run.mark_done({})
    maps = gallery_maps(run, tiles, CPU)
    assert maps.dtype == np.uint8 and maps.shape == (2, 28, 28)
    assert maps.max(axis=(1, 2)).tolist() == [255, 255]
    expected = normalised(gradcam(model, tiles, prepare, CPU)) * 255
    np.testing.assert_allclose(maps, expected, atol=0.51)


@pytest.mark.slow
def test_on_the_phantom_training_brings_the_mass_to_stained_tumour_and_randomising_removes_it():
    """The benchmark in little: twice its share of the area at least, and not so at random."""
    tiles, regions, targets = _phantom()
    prepare = Normalization((0.75, 0.72, 0.72), (0.15, 0.17, 0.17))
    torch.manual_seed(0)
    model = _small_network()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    inputs, aims = prepare(torch.from_numpy(tiles)), torch.from_numpy(targets).float()
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(inputs), aims).backward()
        optimiser.step()
    stained = np.flatnonzero(targets)
    area = regions[stained].mean()
    learnt = _mass(gradcam(model, tiles[stained], prepare, CPU), regions[stained])
    by_chance = []
    for seed in range(20):
        torch.manual_seed(seed)
        maps = gradcam(_small_network(), tiles[stained], prepare, CPU)
        by_chance.append(_mass(maps, regions[stained]))
    assert learnt > 2 * area
    assert np.nanmean(by_chance) < 1.5 * area


def _small_network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1), nn.Flatten(0)),
    )


def _mass(maps: np.ndarray, regions: np.ndarray) -> float:
    bigger = enlarged(maps, *regions.shape[1:])
    total = bigger.sum(axis=(1, 2))
    return float(np.mean((bigger * regions).sum(axis=(1, 2))[total > 0] / total[total > 0]))


def _phantom(size: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tiles, where their completely stained cells lie, and whether there are any."""
    settings = PhantomSettings(slides=16, tiles_per_slide=8, size=size, mpp=1.2, seed=3)
    tiles, regions = [], []
    for tile in tiles_of(settings, draw_slides(settings)):
        key = np.random.SeedSequence(settings.seed, spawn_key=(1, tile.slide.index, tile.number))
        image, truth = draw_field(tile.slide, np.random.default_rng(key), size, size, settings.mpp)
        assert len(truth.y) == len(tile_truth(tile, settings).y)
        centres = (np.arange(size) + 0.5) * settings.mpp
        region = np.zeros((size, size), bool)
        for i in np.flatnonzero(truth.staining.completeness >= 0.9):
            away = (centres[:, None] - truth.y[i]) ** 2 + (centres - truth.x[i]) ** 2
            region |= away < 0.36 * truth.cell_area
        if not region.any() or 0.05 < region.mean() < 0.6:
            tiles.append(image)
            regions.append(region)
    return np.stack(tiles), np.stack(regions), np.array([r.any() for r in regions])


def _noise(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 64, 64, 3)).astype(np.uint8)

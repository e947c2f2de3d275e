"""The size of training tiles: by regions, by the images' own size, and kept with the weights."""

from types import SimpleNamespace

import polars as pl
import pytest
import torch
from PIL import Image

from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.models.registry import build_model
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, load_trained, save_trained
from her2bench.prediction.training_scale import TrainingScale, scale_of


def test_regions_have_their_size_in_the_manifest():
    table = pl.DataFrame({"path": ["none.svs"] * 3, "width": [500, 512, 520], "height": [600] * 3})
    assert scale_of(table, "crop") == TrainingScale(512)
    assert scale_of(table, "pad") == TrainingScale(600)
    known = table.with_columns(mpp=pl.Series([0.256, 0.25, 0.246154]))
    assert scale_of(known, "crop") == TrainingScale(512, 0.25)
    gaps = table.with_columns(mpp=pl.Series([0.25, None, 0.5]))
    assert scale_of(gaps, "crop") == TrainingScale(512)


def test_tiles_of_several_fields_of_view_have_no_scale(tmp_path):
    regions = pl.DataFrame({"path": "none.svs", "width": [512, 512], "height": [512, 512]})
    assert scale_of(regions.with_columns(mpp=pl.Series([0.25, 0.5]))) is None
    Image.new("RGB", (96, 96)).save(tmp_path / "a.png")
    mpp = [0.5] * 400
    images = pl.DataFrame({"path": [str(tmp_path / "a.png")] * 400, "mpp": mpp})
    assert scale_of(images) == TrainingScale(96, 0.5)
    mpp[7] = 0.25  # between the images that are opened
    assert scale_of(images.with_columns(mpp=pl.Series(mpp))) is None


def test_whole_images_are_opened_and_unreadable_ones_passed_over(tmp_path):
    Image.new("RGB", (96, 80)).save(tmp_path / "a.png")
    paths = [str(tmp_path / "none.png"), str(tmp_path / "a.png")]
    assert scale_of(pl.DataFrame({"path": paths})) == TrainingScale(96)
    assert scale_of(pl.DataFrame({"path": paths[:1]})) is None


@pytest.mark.parametrize("scale", [None, TrainingScale(512), TrainingScale(512, 0.2520)])
def test_it_is_kept_with_the_weights(tmp_path, scale):
    run = RunFolder(tmp_path)
    description = ModelMetadata("lenet", 64, Normalization(), 0.0, "2+", scale=scale)
    save_trained(build_model("lenet", 64), description, run.weights)
    run.mark_done({})
    assert load_trained(run, torch.device("cpu"))[1].scale == scale


def test_an_impossible_size_in_a_weights_file_is_refused(tmp_path):
    run = RunFolder(tmp_path)
    wrong = SimpleNamespace(side=512, mpp=-1.0)
    description = ModelMetadata("lenet", 64, Normalization(), 0.0, "2+", scale=wrong)  # type: ignore[arg-type]
    save_trained(build_model("lenet", 64), description, run.weights)
    run.mark_done({})
    with pytest.raises(UserError, match=r"at -1\.0 µm/pixel is impossible"):
        load_trained(run, torch.device("cpu"))

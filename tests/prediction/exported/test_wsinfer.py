"""The folder for WSInfer, read by the reader of its model zoo and used as WSInfer does."""

import json
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import her2bench as hb
from her2bench.core.runs import ComparisonFolder

from .conftest import write_run

transforms = pytest.importorskip("torchvision.transforms")


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    (made,) = hb.export(run.path, tmp_path_factory.mktemp("made"), "wsinfer")
    assert sorted(path.name for path in made.path.iterdir()) == [
        "config.json",
        "torchscript_model.pt",
    ]
    return made.path


def test_the_reader_of_the_model_zoo_takes_the_config(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # it makes a folder there when it is imported
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    zoo = pytest.importorskip("wsinfer_zoo.client")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    read = zoo.ModelConfiguration.from_dict(config)
    assert (read.architecture, read.num_classes) == ("lenet", 2)
    assert list(read.class_names) == ["negative", "positive"]
    assert (read.patch_size_pixels, read.spacing_um_px) == (64, 0.75)
    assert read.get_slide_patch_size(0.5) == 96, "the field of a training tile"
    assert [each.name for each in read.transform] == ["Resize", "ToTensor", "Normalize"]
    assert config["her2bench"]["research_use_only"]


def test_the_softmax_of_its_two_classes_is_our_probability(folder, run):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    steps = [
        getattr(transforms, each["name"])(**each.get("arguments", {}))
        for each in config["transform"]
    ]
    with warnings.catch_warnings(action="ignore"):
        model = torch.jit.load(folder / "torchscript_model.pt")
    rng = np.random.default_rng(4)
    patches = [Image.fromarray(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)) for _ in range(4)]
    inputs = torch.stack([transforms.Compose(steps)(patch) for patch in patches])
    found = model(inputs).softmax(dim=1).detach().numpy()
    expected = hb.load_model(run.path).predict(patches).probabilities
    np.testing.assert_allclose(found[:, 1], expected, atol=1e-5)


def test_microns_per_pixel_are_needed_and_can_be_given(tmp_path):
    run = write_run(ComparisonFolder(tmp_path / "moved"))
    with pytest.raises(hb.UserError, match="--mpp: µm/pixel is not known"):
        hb.export(run.path, tmp_path / "out", "wsinfer")
    assert not (tmp_path / "out").exists()
    (made,) = hb.export(run.path, tmp_path / "out", "wsinfer", mpp=0.5)
    config = json.loads((made.path / "config.json").read_text(encoding="utf-8"))
    assert config["spacing_um_px"] == 0.5 and config["her2bench"]["mpp"] == "0.5"

"""Each format holds the network, its preparation and its metadata, and no path of this machine."""

import json
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import her2bench as hb
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import ComparisonFolder
from her2bench.data.decoding.rgb import resized
from her2bench.prediction.exported.agreement import check_tiles
from her2bench.prediction.exported.formats import EXTRA
from her2bench.prediction.exported.metadata import RESEARCH_USE, metadata_from
from her2bench.prediction.predict_files import predict_tiles

from .conftest import PREPARE, SIZE, write_run

ort = pytest.importorskip("onnxruntime", reason="the extra export is not installed")
CPU = torch.device("cpu")
TOLERANCE = 1e-4


def answers(path: Path):
    """What a file answers to tiles (n, h, w, 3) uint8, read without our code."""
    if path.suffix == ".onnx":
        session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        return lambda tiles: session.run(["probability"], {"tiles": channels_first(tiles)})[0]
    with warnings.catch_warnings(action="ignore"):
        program = torch.jit.load(path) if path.suffix == ".pt" else torch.export.load(path).module()
    return lambda tiles: program(torch.from_numpy(channels_first(tiles)))[0].detach().numpy()


def channels_first(tiles):
    return np.ascontiguousarray(tiles.transpose(0, 3, 1, 2))


def texts_in(path: Path) -> dict[str, str]:
    if path.suffix == ".onnx":
        session = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        return session.get_modelmeta().custom_metadata_map
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(f"extra/{EXTRA}")]
        return json.loads(archive.read(name))


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """The run in each format, made once."""
    made = {}

    def of(kind):
        if kind not in made:
            (made[kind],) = hb.export(run.path, tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    return of


KINDS = ["torchscript", *(pytest.param(k, marks=pytest.mark.slow) for k in ("onnx", "pt2"))]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_answers_as_the_network_at_every_size_and_number_of_tiles(
    kind, run, tiles, exported
):
    made = exported(kind)
    assert made.difference <= TOLERANCE and made.path.stem == "lenet-seed-0-fold-0"
    answer, model = answers(made.path), hb.load_model(run.path)
    expected = model.predict(tiles).probabilities
    np.testing.assert_allclose(answer(tiles), expected, atol=TOLERANCE)
    np.testing.assert_allclose(answer(tiles[:1]), expected[:1], atol=TOLERANCE)
    rng = np.random.default_rng(2)
    for height, width in ((96, 96), (128, 192), (50, 61), (299, 200)):
        other = rng.integers(0, 256, (3, height, width, 3), dtype=np.uint8)
        seen = model.predict(other).probabilities  # resized by Pillow, whose weights have 22 bits
        ties = height not in (96, 128)  # values half way between two: one in a hundred
        np.testing.assert_allclose(answer(other), seen, atol=0.005 if ties else TOLERANCE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_says_what_it_is(kind, exported):
    made = exported(kind)
    found = texts_in(made.path)
    assert found["research_use_only"] == RESEARCH_USE
    assert json.loads(found["class_names"]) == ["negative", "positive"]
    assert (found["endpoint"], found["her2bench"]) == ("2+", hb.__version__)
    assert (found["tile_size"], found["mpp"]) == ("64", "0.75")  # 96 px at 0.5 made 64
    assert float(found["threshold_probability"]) == pytest.approx(1 / (1 + np.exp(-0.25)))
    read = metadata_from(found)
    assert (read.trained.threshold, read.trained.preparation) == (0.25, PREPARE)
    data = made.path.read_bytes()
    if zipfile.is_zipfile(made.path):
        with zipfile.ZipFile(made.path) as archive:
            data = b"".join(map(archive.read, archive.namelist()))
    here = str(Path(hb.__file__).parents[2]).encode()
    assert here not in data and sys.prefix.encode() not in data


def test_tiles_of_floats_are_those_of_bytes(run, tiles, tmp_path):
    (made,) = hb.export(run.path, tmp_path, "torchscript", input="float")
    with warnings.catch_warnings(action="ignore"):
        program = torch.jit.load(made.path)
    larger = np.stack([resized(tile, 96) for tile in tiles])
    for given in (tiles, larger):
        floats = torch.from_numpy(channels_first(given)).float() / 255
        expected = hb.load_model(run.path).predict(given).probabilities
        np.testing.assert_allclose(program(floats)[0].detach(), expected, atol=TOLERANCE)


@pytest.mark.slow
def test_what_is_cropped_in_training_takes_finished_tiles_alone(tiles, tmp_path):
    run = write_run(ComparisonFolder(tmp_path), square="crop")
    (made,) = hb.export(run.path, tmp_path, "onnx")
    answer = answers(made.path)
    expected = hb.load_model(run.path).predict(tiles).probabilities
    np.testing.assert_allclose(answer(tiles), expected, atol=TOLERANCE)
    with pytest.raises(Exception, match="invalid dimensions"):
        answer(np.zeros((1, 64, 96, 3), np.uint8))
    wide = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    tables = [
        predict_tiles(RunFolder(path), [tmp_path / "wide.png"], CPU)[0]
        for path in (run.path, made.path)
    ]
    np.testing.assert_allclose(tables[0]["logit"], tables[1]["logit"], atol=1e-5)


def test_the_tiles_tried_are_noise_and_stain():
    tried = check_tiles(SIZE)
    assert tried.shape == (16, SIZE, SIZE, 3) and tried.dtype == np.uint8
    stained = tried[8:].reshape(8, -1, 3)
    assert (stained.max(axis=1) == 240).all() and stained.min() < 150
    red, _, blue = (stained[..., c].astype(int) for c in range(3))
    assert (red - blue > 20).mean() > 0.1 and (blue - red > 20).mean() > 0.1


def test_no_warning_is_left_and_no_other_is_hidden(run, tmp_path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        hb.export(run.path, tmp_path, "torchscript")
    assert not [str(w.message) for w in seen if "jit" in str(w.message)]

"""ONNX files that come back: ours stand for the run, others are refused with what is missing."""

import numpy as np
import pytest
import torch
from PIL import Image

import her2bench as hb
from her2bench.core.run_folder import RunFolder
from her2bench.prediction.exported.metadata import FORMAT, ExportMetadata
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.trained_networks import ModelMetadata

onnx = pytest.importorskip("onnx", reason="the extra export is not installed")
pytest.importorskip("onnxruntime", reason="the extra export is not installed")
SIZE = 32
METADATA = ExportMetadata(
    ModelMetadata("lenet", SIZE, Normalization(), -0.2, "2+"), scaling=(2.0, 0.5)
)


def mean_network(texts, names=("tiles", "probability", "logit")):
    """An ONNX model whose logit is the mean of a tile's values, less 128, over 16."""
    tensor, node, helper = onnx.TensorProto, onnx.helper.make_node, onnx.helper
    tiles, probability, logit = names
    constants = {"axes": np.array([1, 2, 3]), "middle": np.float32([128]), "by": np.float32([16])}
    nodes = [
        node("Cast", [tiles], ["values"], to=tensor.FLOAT),
        node("ReduceMean", ["values", "axes"], ["mean"], keepdims=0),
        node("Sub", ["mean", "middle"], ["less"]),
        node("Div", ["less", "by"], [logit]),
        node("Sigmoid", [logit], [probability]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info(tiles, tensor.UINT8, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info(name, tensor.FLOAT, ["n"]) for name in names[1:]],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    helper.set_model_props(model, texts)
    return model.SerializeToString()


@pytest.fixture
def write(tmp_path):
    def written(data, name="model.onnx"):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return written


def refused(path):
    with pytest.raises(hb.UserError) as error:
        hb.load_model(path)
    return str(error.value)


def test_a_file_of_ours_predicts_as_a_run_does(write, tmp_path):
    path = write(mean_network(METADATA.texts()))
    tile = np.random.default_rng(0).integers(90, 160, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(tile).save(tmp_path / "a.png")
    table, _ = predict_tiles(RunFolder(path), [tmp_path / "a.png"], torch.device("cpu"))
    logit = (tile.mean() - 128) / 16
    assert table["logit"][0] == pytest.approx(logit, abs=1e-5)
    assert table["call"][0] == ("positive" if logit > -0.2 else "negative")
    found = hb.load_model(path).predict(tile)
    assert found.logits[0] == pytest.approx(logit, abs=1e-5)
    assert found.calibrated is not None
    assert found.calibrated[0] == pytest.approx(1 / (1 + np.exp(-2 * logit - 0.5)), abs=1e-5)
    assert found.threshold == pytest.approx(1 / (1 + np.exp(0.2)))


def test_another_tool_s_file_is_refused_with_what_it_must_hold(write):
    message = refused(write(mean_network({}, ("image", "classes", "scores"))))
    assert "input image and output classes, scores" in message
    assert "input `tiles`" in message and "`probability` and `logit`" in message
    message = refused(write(mean_network({})))
    assert "an ONNX file of another tool" in message and "its metadata, format 1" in message


def test_another_version_s_format_is_named(write):
    texts = METADATA.texts() | {"format": "7", "her2bench": "9.1"}
    message = refused(write(mean_network(texts)))
    assert "an export of her2bench '9.1', format '7'" in message and f"format {FORMAT}" in message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tile_size", "0"),
        ("tile_size", "6.4"),
        ("tile_size", "408240033148485174667"),
        ("training_tile_side", "-1"),
        ("mpp", "-0.5"),
        ("threshold_logit", "nan"),
        ("mean", "[1, 2]"),
        ("std", "{}"),
        ("square", "warp"),
        ("calibration_slope", "inf"),
        ("endpoint", None),
    ],
)
def test_metadata_that_cannot_be_used_is_refused(write, name, text):
    texts = METADATA.texts() | {name: text or ""}
    texts = {key: value for key, value in texts.items() if value}
    assert "metadata that cannot be used" in refused(write(mean_network(texts)))


def test_damaged_files_are_refused(write):
    data = mean_network(METADATA.texts())
    for part in (b"", b"garbage", data[: len(data) // 2]):
        assert "cannot be read as ONNX" in refused(write(part))


@pytest.mark.parametrize(("name", "kind"), [("m.pt", "TorchScript"), ("m.PT2", "pt2")])
def test_programs_are_not_run(write, name, kind):
    assert f"a {kind} file: a program, which is not run here" in refused(write(b"PK", name))


def test_a_network_of_four_scores_gives_the_probability_of_each(write):
    texts = METADATA.texts() | {"endpoint": "score", "cut_distances": "[1.5, 0.0, -2.0]"}
    found = hb.load_model(write(mean_network(texts))).predict(np.full((8, 8, 3), 136, np.uint8))
    above = 1 / (1 + np.exp(-(0.5 + np.array([1.5, 0.0, -2.0]))))
    expected = -np.diff([1.0, *above, 0.0])
    assert [p[0] for p in found.scores.values()] == pytest.approx(expected.tolist())


@pytest.mark.parametrize("cuts", [None, "[1, 0]", "[1, 0, 2]", "[3, 1, -1]", "[nan, 0, -1]"])
def test_cuts_that_do_not_fall_are_refused(write, cuts):
    texts = METADATA.texts() | {"endpoint": "score"} | ({"cut_distances": cuts} if cuts else {})
    assert "metadata that cannot be used" in refused(write(mean_network(texts)))


def test_it_cannot_be_explained(write):
    model = hb.load_model(write(mean_network(METADATA.texts())))
    with pytest.raises(hb.UserError, match="whose layers cannot be explained"):
        model.explain(np.zeros((1, 8, 8, 3), np.uint8))

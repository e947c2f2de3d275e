"""ONNX files for `predict`: our own export with its metadata, graph and bytes changed."""

from pathlib import Path
from random import Random

import onnx
import torch
from onnx import ModelProto

from fuzz.comparison import EXPORTED
from fuzz.mutation import mutated, name, number, text
from fuzz.workspace import Workspace
from her2bench.data.decoding.reading import read_tile
from her2bench.prediction.predict_files import predict_tiles
from her2bench.prediction.predictor import opened_predictor
from her2bench.prediction.trained_model import TrainedModel

_FILES = 0.1  # share of networks given a file; an array takes a third of the time
_METADATA = ("tile_size", "pixels", "square", "endpoint", "mpp", "threshold_logit")
_VALUES = (
    "uint8",
    "float",
    "normalised",
    "crop",
    "pad",
    "score",
    "1+",
    "0",
    "1",
    "63",
    "65",
    "299",
)
_NUMBERS = (-1, 0, 1, 3, 65, 2**31 - 1, 2**31, 2**40, 2**62)
_TEXTS = ("Conv", "Relu", "MaxPool", "Gemm", "Reshape", "Sigmoid", "Resize", "com.example", "tiles")


class OnnxModels:
    """The file of an exported network."""

    def __init__(self, workspace: Workspace) -> None:
        self._data = (workspace.shared / EXPORTED).read_bytes()
        self._tile = min((workspace.shared / "tiles").rglob("*.jpg"))
        self._pixels = read_tile(self._tile)

    def make(self, rng: Random) -> tuple[str, bytes]:
        choice = rng.random()
        if choice < 0.3:
            return ".onnx", mutated(self._data, rng)
        model = onnx.load_from_string(self._data)
        for _ in range(rng.randint(1, 2)):
            (_metadata if choice < 0.65 else rng.choice(_CHANGES))(model, rng)
        return ".onnx", model.SerializeToString()

    def read(self, path: Path, rng: Random) -> None:
        predictor = opened_predictor(path, torch.device("cpu"))
        if rng.random() < _FILES:
            predict_tiles(predictor, [self._tile], torch.device("cpu"))
        else:
            TrainedModel(predictor).predict(self._pixels)


def _metadata(model: ModelProto, rng: Random) -> None:
    entries = model.metadata_props
    keys = [i for i, entry in enumerate(entries) if entry.key in _METADATA]
    i = rng.choice(keys) if keys and rng.random() < 0.5 else rng.randrange(len(entries))
    choice = rng.random()
    if choice < 0.1:
        del entries[i]
    elif choice < 0.15:
        entries[i].key = _clean(name(entries[i].key, rng))
    elif choice < 0.2:
        entries.add(key=entries[i].key, value=_clean(text(rng)))
    else:
        entries[i].value = _clean(rng.choice((rng.choice(_VALUES), number(rng), text(rng))))


def _node(model: ModelProto, rng: Random) -> None:
    node = rng.choice(model.graph.node)
    names = rng.choice((node.input, node.output))
    choice = rng.random()
    if choice < 0.25:
        node.op_type = rng.choice((*_TEXTS, _clean(text(rng))))
    elif choice < 0.35:
        node.domain = rng.choice((*_TEXTS, ""))
    elif choice < 0.7 and names:
        other = rng.choice(model.graph.node)
        pool = [*other.input, *other.output, "tiles", "", _clean(text(rng))]
        names[rng.randrange(len(names))] = rng.choice(pool)
    elif choice < 0.8:
        model.graph.node.remove(node)
    else:
        model.graph.node.append(node)


def _attribute(model: ModelProto, rng: Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    attribute = rng.choice(rng.choice(nodes).attribute)
    if attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(_NUMBERS)
    elif rng.random() < 0.5:
        attribute.i = rng.choice(_NUMBERS)
    else:
        attribute.s = _clean(text(rng)).encode()


def _tensor(model: ModelProto, rng: Random) -> None:
    tensor = rng.choice(model.graph.initializer)
    choice = rng.random()
    if choice < 0.4 and tensor.dims:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(_NUMBERS)
    elif choice < 0.5:
        tensor.dims.append(rng.choice(_NUMBERS))
    elif choice < 0.7:
        tensor.data_type = rng.randrange(24)
    elif choice < 0.8:
        tensor.raw_data = tensor.raw_data[: rng.choice((0, 1, 7))]
    elif choice < 0.9:  # pixels of another file: only those inside may be read
        place = rng.choice(("/etc/hostname", "../sentinel.txt", "sentinel.txt", "/dev/zero"))
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)
    else:
        tensor.raw_data = mutated(tensor.raw_data, rng)


def _shape(model: ModelProto, rng: Random) -> None:
    graph = model.graph
    value = rng.choice([*graph.input, *graph.output])
    kind = value.type.tensor_type
    choice = rng.random()
    if choice < 0.4 and kind.shape.dim:
        rng.choice(kind.shape.dim).dim_value = rng.choice(_NUMBERS)
    elif choice < 0.6:
        kind.elem_type = rng.randrange(24)
    elif choice < 0.8:
        value.name = rng.choice((*_TEXTS, "logit", "probability", _clean(text(rng))))
    else:
        rng.choice((graph.input, graph.output)).append(value)


def _version(model: ModelProto, rng: Random) -> None:
    if rng.random() < 0.5:
        model.ir_version = rng.choice(_NUMBERS)
    else:
        model.opset_import[0].version = rng.choice((*_NUMBERS, 7, 13, 18))


_CHANGES = (_node, _attribute, _tensor, _tensor, _shape, _version)


def _clean(value: str) -> str:
    return value.encode("utf-8", "replace").decode()

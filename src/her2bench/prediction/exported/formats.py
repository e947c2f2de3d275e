"""The formats: each network's bytes, and how these bytes answer."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim

from her2bench.prediction.exported.graph import TileClassifier
from her2bench.prediction.exported.metadata import ExportMetadata

EXTRA = "her2bench.json"
"""The metadata's name inside TorchScript and pt2 archives."""
Answer = Callable[[np.ndarray], np.ndarray]
"""Tiles (n, 3, h, w) uint8 → (n, 1), the probability of positive; (n, 5) with `p0` to `p3`."""


@dataclass(frozen=True)
class Converted:
    """A network in a format: the bytes of each file by name, and what they answer.

    A format of one file has the empty name.
    """

    files: dict[str, bytes]
    answer: Answer


def as_onnx(network: nn.Module, metadata: ExportMetadata) -> Converted:
    """An ONNX model, checked by its checker.

    Input `tiles`, outputs `probability`, `logit` and, of an ordinal network, `scores`.
    """
    import onnx
    import onnxscript  # noqa: F401  # PyTorch needs it here, and says so less clearly

    from her2bench.prediction.exported.onnx_session import OUTPUTS, SCORES, OnnxSession

    program = torch.onnx.export(
        TileClassifier(network, metadata).eval(),
        (example(metadata),),
        input_names=["tiles"],
        output_names=[*OUTPUTS, *([SCORES] if metadata.ordinal else [])],
        dynamic_shapes=_free_axes(metadata),
        dynamo=True,
        verbose=False,
    )
    assert program is not None  # only without dynamo
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # stack traces with the paths of this machine
    onnx.helper.set_model_props(model, metadata.texts())
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    session = OnnxSession(data, "the ONNX model")
    return Converted(
        {"": data}, lambda tiles: _columns(session.run(_given(tiles, metadata).numpy()))
    )


def as_torchscript(network: nn.Module, metadata: ExportMetadata) -> Converted:
    """A TorchScript archive; its extra file holds the metadata."""
    graph = TileClassifier(network, metadata).eval()
    data = traced(graph, example(metadata), metadata)
    program = reopened(data)
    return Converted({"": data}, lambda tiles: _columns(program(_given(tiles, metadata))))


def as_pt2(network: nn.Module, metadata: ExportMetadata) -> Converted:
    """A pt2 archive; its extra file holds the metadata."""
    graph = TileClassifier(network, metadata).eval()
    axes = _free_axes(metadata)
    program = torch.export.export(graph, (example(metadata),), dynamic_shapes=axes, strict=False)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # the paths of this machine
    stream = io.BytesIO()
    torch.export.save(program, stream, extra_files={EXTRA: json.dumps(metadata.texts())})
    module = program.module()  # the archive's example is pickled: we do not read it again
    return Converted(
        {"": stream.getvalue()}, lambda tiles: _columns(module(_given(tiles, metadata)))
    )


def traced(graph: nn.Module, tiles: Tensor, metadata: ExportMetadata) -> bytes:
    """A TorchScript archive of a module, traced on `tiles`."""
    stream, texts = io.BytesIO(), json.dumps(metadata.texts())
    with _torchscript_wanted():
        program = torch.jit.trace(graph, tiles, check_trace=False)  # compared by us, at more sizes
        torch.jit.save(program, stream, _extra_files={EXTRA: texts})
    return _without_paths(stream)


def _without_paths(stream: io.BytesIO) -> bytes:
    """The archive without the records for debugging, which name the folders of this machine."""
    kept = io.BytesIO()
    with zipfile.ZipFile(stream) as archive, zipfile.ZipFile(kept, "w") as copy:
        for record in archive.infolist():
            if not record.filename.endswith(".debug_pkl"):
                copy.writestr(record, archive.read(record))
    return kept.getvalue()


def reopened(data: bytes) -> Callable[..., Any]:
    """The program in a TorchScript archive that we wrote."""
    with _torchscript_wanted():
        return torch.jit.load(io.BytesIO(data))


@contextmanager
def _torchscript_wanted() -> Iterator[None]:
    """No warnings that TorchScript is deprecated: WSInfer and QuPath read nothing else.

    Nor of branches in timm and in our networks, which depend on sizes alone, and these are fixed.
    Those of a user's network stay: tracing takes one branch for all tiles.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        warnings.filterwarnings(
            "ignore",
            category=torch.jit.TracerWarning,  # pyright: ignore[reportPrivateImportUsage]
            module=r"(timm|torch|her2bench)\b",
        )
        yield


def example(metadata: ExportMetadata) -> Tensor:
    """Two tiles of the kind that the file takes; not square where any size is taken."""
    size = metadata.trained.size
    sides = (size + 16, size + 8) if metadata.any_size else (size, size)
    dtype = torch.uint8 if metadata.pixels == "uint8" else torch.float32
    return torch.zeros((2, 3, *sides), dtype=dtype)


def _given(tiles: np.ndarray, metadata: ExportMetadata) -> Tensor:
    values = torch.from_numpy(tiles)
    return values if metadata.pixels == "uint8" else values / 255


def _columns(outputs: Sequence[Tensor | np.ndarray]) -> np.ndarray:
    """Probability and, where there are, scores, as the columns of an `Answer`."""
    probability, _, *scores = map(np.asarray, outputs)
    return np.column_stack([probability, *scores])


def _free_axes(metadata: ExportMetadata) -> dict[str, dict[int, Dim]]:
    sides = {2: Dim("height"), 3: Dim("width")} if metadata.any_size else {}
    return {"tiles": {0: Dim("n"), **sides}}

"""WSInfer's folder, `torchscript_model.pt` and `config.json`; QuPath's extension reads it too."""

import json
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.ordinal import DEFAULT_CUT
from her2bench.prediction.exported.formats import Converted, example, reopened, traced
from her2bench.prediction.exported.graph import Classes
from her2bench.prediction.exported.metadata import ExportMetadata

MODEL, CONFIG = "torchscript_model.pt", "config.json"
"""The names that WSInfer expects."""


def as_wsinfer(network: nn.Module, metadata: ExportMetadata) -> Converted:
    """The files of a WSInfer model: normalised tiles to the logits of two classes.

    Of an ordinal network: of the four scores.

    Raises:
        UserError: µm/pixel is unknown.
    """
    metadata = replace(metadata, pixels="normalised")
    config = json.dumps(wsinfer_config(metadata), indent=2).encode()
    data = traced(Classes(network).eval(), example(metadata), metadata)
    program, prepare = reopened(data), metadata.trained.preparation

    def answer(tiles):
        inputs = prepare(torch.from_numpy(tiles).permute(0, 2, 3, 1))
        shares = program(inputs).softmax(dim=1).numpy()
        if not metadata.ordinal:
            return shares[:, 1:]
        return np.column_stack([shares[:, DEFAULT_CUT:].sum(axis=1), shares])

    return Converted({MODEL: data, CONFIG: config}, answer)


def wsinfer_config(metadata: ExportMetadata) -> dict[str, object]:
    """The configuration of a network, by version 1.0 of WSInfer's schema.

    A patch has the field of view of a training tile, at the network's size. The last entry is
    ours; WSInfer ignores it.
    """
    trained, prepare = metadata.trained, metadata.trained.preparation
    if metadata.mpp is None:
        raise UserError(
            "--mpp",
            found="µm/pixel is not known: the comparison's manifest has none, or several",
            expected="that of the training tiles, resized as the network sees them: "
            f"{trained.size} x {trained.size} pixels. WSInfer needs it",
            hint="give it, such as --mpp 0.5",
        )
    return {
        "spec_version": "1.0",
        "architecture": trained.source.removeprefix("timm:") or trained.model,
        "num_classes": len(metadata.classes),
        "class_names": list(metadata.classes),
        "patch_size_pixels": trained.size,
        "spacing_um_px": metadata.mpp,
        "transform": [
            {"name": "Resize", "arguments": {"size": trained.size}},
            {"name": "ToTensor"},
            {"name": "Normalize", "arguments": {"mean": prepare.mean, "std": prepare.std}},
        ],
        "her2bench": metadata.texts(),
    }

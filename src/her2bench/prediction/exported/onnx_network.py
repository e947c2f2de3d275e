"""Networks that come back: ONNX files with our metadata, as a module for the forward loop."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from her2bench.core.atomic_io import reading
from her2bench.core.errors import UserError, shown
from her2bench.prediction.exported.metadata import FORMAT, ExportMetadata, metadata_from
from her2bench.prediction.exported.onnx_session import EXPECTED, OnnxSession
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.training_scale import TrainingScale

_PROGRAMS = {".pt": "TorchScript", ".pt2": "pt2"}


class InFile(Normalization):
    """The normalisation is in the file: tiles are only laid out as it takes them."""

    def __call__(self, tiles: Tensor) -> Tensor:
        return tiles.permute(0, 3, 1, 2)


class OnnxNetwork(nn.Module):
    """Tiles (b, 3, size, size) uint8 → logits (b,), by ONNX Runtime.

    An ordinal one has `cut_distances`, as `OrdinalNetwork` does.
    """

    def __init__(self, session: OnnxSession, metadata: ExportMetadata) -> None:
        super().__init__()
        self._session, self._floats = session, metadata.pixels == "float"
        if metadata.ordinal:
            self.cut_distances = torch.tensor(metadata.cuts, dtype=torch.float64)

    def forward(self, tiles: Tensor) -> Tensor:
        given = (tiles / 255 if self._floats else tiles).contiguous().cpu().numpy()
        return torch.from_numpy(self._session.run(given)[1]).to(tiles.device)


def load_onnx(path: Path) -> tuple[OnnxNetwork, ExportMetadata]:
    """An exported network, with the preparation left to the file.

    Raises:
        UserError: it is no ONNX file of ours, damaged, or of another format.
    """
    if path.suffix.lower() in _PROGRAMS:
        raise UserError(
            path,
            found=f"a {_PROGRAMS[path.suffix.lower()]} file: a program, which is not run here",
            expected="a run folder, or an ONNX file of `her2bench export`",
            hint="export the run again with --format onnx",
        )
    with reading(path):
        session = OnnxSession(path.read_bytes(), path)
    texts = session.texts
    if "her2bench" not in texts or texts.get("format") != FORMAT:
        of = f"an export of her2bench {shown(texts['her2bench'])}, " if "her2bench" in texts else ""
        raise UserError(
            path,
            found=f"{of}format {shown(texts.get('format'))}"
            if of
            else "an ONNX file of another tool",
            expected=f"{EXPECTED}, format {FORMAT}",
            hint="export the run again with this version; docs/export.md lists the metadata",
        )
    try:
        metadata = metadata_from(texts)
        scale = metadata.trained.scale
        if scale is None and metadata.mpp is not None:
            scale = TrainingScale(metadata.trained.size, metadata.mpp)
    except (KeyError, ValueError) as error:
        raise UserError(
            path,
            found=f"metadata that cannot be used ({type(error).__name__}: {error})",
            expected=EXPECTED,
            hint="export the run again",
        ) from error
    trained = replace(metadata.trained, preparation=InFile(), scale=scale)
    return OnnxNetwork(session, metadata), replace(metadata, trained=trained)

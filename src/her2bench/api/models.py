"""`her2bench.load_model` and `her2bench.export`: trained networks, here and in other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from her2bench.core.extras import needs_extra

if TYPE_CHECKING:
    from her2bench.prediction.exported.exporting import Exported
    from her2bench.prediction.trained_model import TrainedModel


def load_model(
    path: str | Path, device: str = "auto", *, network: str | None = None
) -> "TrainedModel":
    """A trained network that takes images.

        model = hb.load_model("out/mine/runs/lenet/seed-0/fold-0")
        model.predict(["a.png", "b.png"]).to_polars()

    Args:
        path: a run folder, `runs/<model>/seed-<s>/fold-<k>` of a comparison; a comparison folder,
            whose finished runs of a model predict together; or an ONNX file of `hb.export`.
        device: auto, cpu, cuda or mps; an ONNX file is computed on the CPU.
        network: which network of a comparison; needed where it has several.

    Returns:
        A `TrainedModel`: `.predict(images)` and `.explain(images)` take arrays (n, h, w, 3) uint8,
        PIL images and paths; `.networks` are the PyTorch modules.

    Raises:
        UserError: there is no finished run of a network, its weights are damaged, or the extra
            "train" (for ONNX: "export") is not installed.
    """
    with needs_extra("load_model"):
        from her2bench.prediction.device import choose_device
        from her2bench.prediction.predictor import opened_predictor
        from her2bench.prediction.trained_model import TrainedModel

        return TrainedModel(opened_predictor(Path(path), choose_device(device), network))


def export(
    run: str | Path,
    out: str | Path,
    format: str = "onnx",
    *,
    input: str = "uint8",
    mpp: float | None = None,
    overwrite: bool = False,
) -> "list[Exported]":
    """Write trained networks as files for other programs, preparation and threshold included.

    Each is tried on 16 tiles before it is written, and refused if a probability differs by more
    than 0.0001 from that of the network.

    Args:
        run: a run folder, or a comparison folder: then each finished run of a network.
        out: the folder for the files, `<model>-seed-<s>-fold-<k>` with the format's ending.
        format: "onnx", "torchscript", "pt2", or "wsinfer": a folder that WSInfer and QuPath's
            WSInfer extension read.
        input: values of a tile, "uint8" (0 to 255) or "float" (0 to 1).
        mpp: µm/pixel of the tiles at the network's size; by default as the comparison's manifest
            says.
        overwrite: replace files that exist.

    Returns:
        Path and largest difference of each export.

    Raises:
        UserError: nothing to export, a network that cannot be converted, an output that exists, or
            the extra "export" is not installed.
    """
    with needs_extra("export"):
        from her2bench.prediction.exported.exporting import ExportChoices, export_runs

        return export_runs(Path(run), Path(out), ExportChoices(format, input, mpp, overwrite))

"""From finished runs to files for other programs, each tried before it is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import nn

from her2bench.core.atomic_io import check_writable, replacing
from her2bench.core.errors import UserError, nearest, shown
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import ComparisonFolder
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.prediction.exported.agreement import (
    LARGEST_DIFFERENCE,
    TILES,
    largest_difference,
)
from her2bench.prediction.exported.formats import as_onnx, as_pt2, as_torchscript
from her2bench.prediction.exported.metadata import PIXELS, ExportMetadata, Pixels
from her2bench.prediction.exported.wsinfer import as_wsinfer
from her2bench.prediction.scalings import scalings_of
from her2bench.prediction.sources import name_of, placed_run
from her2bench.prediction.trained_networks import load_trained
from her2bench.prediction.training_scale import scale_in

ENDINGS = {"onnx": ".onnx", "torchscript": ".pt", "pt2": ".pt2", "wsinfer": ""}
"""What follows a run's name, by format; WSInfer takes a folder."""
_CONVERT = {
    "onnx": as_onnx,
    "torchscript": as_torchscript,
    "pt2": as_pt2,
    "wsinfer": as_wsinfer,
}
# What converters raise for a network that they cannot follow; not ImportError: an extra is missing.
_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError),
    *(RuntimeError, TypeError, ValueError),
)
CPU = torch.device("cpu")


@dataclass(frozen=True)
class ExportChoices:
    """How networks are exported.

    Attributes:
        format: onnx, torchscript, pt2 or wsinfer.
        pixels: what the file takes, `uint8` or `float`; WSInfer gives its own.
        mpp: µm/pixel at the network's size; None: as the run says, or its comparison's manifest.
        overwrite: replace files that exist.
    """

    format: str = "onnx"
    pixels: str = "uint8"
    mpp: float | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        for option, value, known in (
            ("--format", self.format, tuple(ENDINGS)),
            ("--input", self.pixels, PIXELS[:2]),
        ):
            if value not in known:
                raise UserError(
                    option,
                    found=shown(value),
                    expected=f"one of {', '.join(known)}",
                    hint=nearest(value, known),
                )
        if self.mpp is not None and not 0.01 <= self.mpp <= 100:
            raise UserError(
                "--mpp",
                found=f"{self.mpp:g} µm/pixel",
                expected="0.01 to 100",
                hint="give that of the tiles at the size at which the network sees them",
            )


@dataclass(frozen=True)
class Exported:
    """A written file or folder.

    Attributes:
        path: of it.
        difference: the largest from the network's probabilities, on the tiles tried.
        tiles: how many were tried.
    """

    path: Path
    difference: float
    tiles: int = TILES


def export_runs(path: Path, out: Path, choices: ExportChoices) -> list[Exported]:
    """Export a finished run, or every finished network of a comparison.

    Args:
        path: a run folder, or a comparison folder.
        out: the folder for one file per run, `<model>-seed-<s>-fold-<k>` with the format's ending.
        choices: format and options.

    Raises:
        UserError: nothing to export, a network that cannot be converted or comes out different, an
            output that exists, or no space.
    """
    runs = runs_of(path)
    targets = [out / f"{name_of(run)}{ENDINGS[choices.format]}" for run in runs]
    check_writable(out, "-o")
    for target in targets:
        if target.exists() and not choices.overwrite:
            hint = "replace it with --overwrite, or name another folder with -o"
            raise UserError(target, found="exists already", hint=hint)
    return [_export(run, target, choices) for run, target in zip(runs, targets, strict=True)]


def runs_of(path: Path) -> list[RunFolder]:
    """The run at a path, or the finished networks of the comparison there.

    Raises:
        UserError: a baseline, a file, or a comparison without a finished network.
    """
    folder, run = ComparisonFolder(path), RunFolder(path)
    if folder.config.is_file():
        found = [run for *_, run in folder.finished_runs() if run.weights.is_file()]
        if not found:
            raise UserError(
                path,
                found="no finished run of a network",
                expected="a comparison with at least one",
                hint="let `her2bench compare` finish; baselines cannot be exported",
            )
        return found
    if path.is_file():
        raise UserError(
            path,
            found="a file",
            expected="a run folder, such as OUT/runs/lenet/seed-0/fold-0, or a comparison",
            hint="export from the run that it was made of",
        )
    if run.done and not run.weights.is_file() and run.config.is_file():
        raise UserError(
            path,
            found="the run of a baseline, which has no network to export",
            expected="the run of a network, such as OUT/runs/lenet/seed-0/fold-0",
            hint="baselines are computed by `her2bench compare` alone",
        )
    return [run]


def _export(run: RunFolder, target: Path, choices: ExportChoices) -> Exported:
    network, metadata = _described(run, choices)
    network.requires_grad_(False)
    try:
        converted = _CONVERT[choices.format](network, metadata)
    except _FAULTS as error:
        raise UserError(
            run.path,
            found=f"its network cannot be written as {choices.format} "
            f"({type(error).__name__}: {shown(str(error).strip().partition(chr(10))[0])})",
            hint="try another --format",
        ) from error
    resizes = metadata.any_size and choices.format != "wsinfer"
    difference = largest_difference(converted.answer, network, metadata, resizes)
    if not difference <= LARGEST_DIFFERENCE:  # NaN is refused, too
        raise UserError(
            run.path,
            found=f"as {choices.format} its probabilities differ by {difference:.2g}",
            expected=f"at most {LARGEST_DIFFERENCE:g} on {TILES} tiles; it was not written",
            hint="try another --format",
        )
    _write(converted.files, target)
    return Exported(target, difference)


def _described(run: RunFolder, choices: ExportChoices) -> tuple[nn.Module, ExportMetadata]:
    """The network of a run, and what its file is to say."""
    network, trained = load_trained(run, CPU)
    placed, scaling, scale, mpp = placed_run(run), None, trained.scale, choices.mpp
    if placed is not None:
        scaling = scalings_of(placed.comparison).get((trained.model, placed.seed, placed.fold))
        scale = trained.scale or scale_in(placed.comparison, trained.square)
    if mpp is None and scale is not None:
        mpp = scale.mpp_at(trained.size)
    cuts = network.cut_distances.tolist() if isinstance(network, OrdinalNetwork) else ()
    pixels = cast("Pixels", choices.pixels)
    return network, ExportMetadata(trained, pixels, scaling, mpp, tuple(cuts))


def _write(files: dict[str, bytes], target: Path) -> None:
    """Write one file, or a folder, whole or not at all."""
    with replacing(target) as temporary:
        if "" in files:
            temporary.write_bytes(files[""])
            return
        temporary.mkdir()
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        if target.is_dir():
            _remove(target, tuple(files))


def _remove(folder: Path, names: tuple[str, ...]) -> None:
    """Remove an older export, and nothing else."""
    others = sorted(path.name for path in folder.iterdir() if path.name not in names)
    if others:
        raise UserError(
            folder,
            found=f"{others[0]!r} in it, which no export wrote",
            expected=f"only {' and '.join(names)}",
            hint="name another folder with -o",
        )
    for name in names:
        (folder / name).unlink(missing_ok=True)
    folder.rmdir()

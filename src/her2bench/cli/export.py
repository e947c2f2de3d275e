"""`her2bench export RUN -o FOLDER`: trained networks as files for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from her2bench.cli.own_network import OwnNetworks, use_own


def export(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder, OUT/runs/<model>/seed-0/fold-0, or a comparison: all."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for one file per run.")],
    kind: Annotated[
        str, typer.Option("--format", help="onnx, torchscript, pt2 or wsinfer.")
    ] = "onnx",
    values: Annotated[
        str, typer.Option("--input", help="Values of a tile: uint8 (0 to 255) or float (0 to 1).")
    ] = "uint8",
    mpp: Annotated[
        float | None,
        typer.Option(help="µm/pixel at the network's size, where the manifest does not say."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    model: OwnNetworks = None,
) -> None:
    """Write trained networks as ONNX, TorchScript, pt2 or for WSInfer. Not for diagnosis."""
    from her2bench.api.models import export as export_networks
    from her2bench.core.terminal import say

    use_own(model)
    written = export_networks(run, out, kind, input=values, mpp=mpp, overwrite=overwrite)
    for each in written:
        most = f"at most {each.difference:.1g} on {each.tiles} tiles"
        say(f"{each.path}: differs from the network by {most}")

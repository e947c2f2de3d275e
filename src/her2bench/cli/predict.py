"""`her2bench predict RUN INPUT...`: tiles, manifests and slides → tables, heatmaps, GeoJSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from her2bench.cli.own_network import OwnNetworks, use_own

if TYPE_CHECKING:
    from her2bench.api.predicting import PredictedFiles


Run = Annotated[
    Path,
    typer.Argument(
        help="A run folder, OUT/runs/<model>/seed-0/fold-0, or a comparison folder OUT: the "
        "mean of a network's finished runs."
    ),
]
Inputs = Annotated[
    list[Path],
    typer.Argument(
        help="Tiles, folders, manifests, and slides (images above 2048 pixels per side)."
    ),
]
Out = Annotated[
    Path, typer.Option("-o", "--out", help="Folder for the results; the same one resumes.")
]
Network = Annotated[str | None, typer.Option(help="Which network of a comparison with several.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Mpp = Annotated[
    float | None, typer.Option(help="µm/pixel of the slides, where they do not say it.")
]
TileSize = Annotated[
    int | None,
    typer.Option(
        help="Side of a slide's tiles, pixels at full resolution; by default as in training."
    ),
]
Overlap = Annotated[float, typer.Option(help="Overlap of a slide's tiles, as a share of the side.")]
MinTissue = Annotated[float, typer.Option(help="Minimum share of tissue in a slide's tile.")]
Parquet = Annotated[bool, typer.Option("--parquet", help="A slide's tiles as Parquet.")]
Gzip = Annotated[bool, typer.Option("--gzip", help="Write .geojson.gz.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace slides predicted with other settings.")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out what cannot be read.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the predictions.")]


def predict(
    run: Run,
    inputs: Inputs,
    out: Out,
    network: Network = None,
    device: Device = "auto",
    mpp: Mpp = None,
    tile_size: TileSize = None,
    overlap: Overlap = 0.0,
    min_tissue: MinTissue = 0.5,
    parquet: Parquet = False,
    gzip: Gzip = False,
    overwrite: Overwrite = False,
    model: OwnNetworks = None,
    skip_bad: SkipBad = False,
    as_json: AsJson = False,
) -> None:
    """Probability and class of tiles, and of the tissue on slides. Not for diagnosis."""
    from her2bench.api.predicting import predict as run_predict
    from her2bench.core.terminal import say

    use_own(model)
    found = run_predict(
        *(run, inputs, out),
        network=network,
        device=device,
        mpp=mpp,
        tile_size=tile_size,
        overlap=overlap,
        min_tissue=min_tissue,
        table="parquet" if parquet else "csv",
        gzip=gzip,
        overwrite=overwrite,
        skip_bad=skip_bad,
        tell=lambda text: say(text, error=True),
    )
    for path, reason in found.left_out:
        say(f"left out: {path}: {reason}", error=True)
    _json(found) if as_json else _say(found, out)


def _json(found: "PredictedFiles") -> None:
    """The tiles as a list, as before slides; with slides an object of both."""
    import json

    from her2bench.core.terminal import say_json

    tiles = found.tiles.to_dicts() if found.tiles is not None else []
    say_json(json.dumps({"tiles": tiles, "slides": found.slides} if found.slides else tiles))


def _say(found: "PredictedFiles", out: Path) -> None:
    from her2bench.core.terminal import say

    if found.tiles is not None:
        positive = found.tiles.filter(found.tiles["call"] == "positive").height
        say(f"{found.tiles.height} tiles, {positive} predicted positive: {out / 'predictions.csv'}")
    if found.slides:
        say(f"{len(found.slides)} slides: {out / 'slides.csv'}")
        say("Research use only; nothing here is for diagnosis.")

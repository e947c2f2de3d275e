"""`her2bench predict RUN INPUT...`: tiles, manifests and slides → tables, heatmaps, GeoJSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from her2bench.api.predicting import PredictedFiles


def predict(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run folder, OUT/runs/<model>/seed-0/fold-0, or a comparison folder OUT: the "
            "mean of a network's finished runs; or an ONNX file of export."
        ),
    ],
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help="Tiles, folders, manifests, and slides (images above 2048 pixels per side)."
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder for the results; the same one resumes.")
    ],
    network: Annotated[
        str | None, typer.Option(help="Which network of a comparison with several.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    mpp: Annotated[
        float | None, typer.Option(help="µm/pixel of the slides, where they do not say it.")
    ] = None,
    tile_size: Annotated[
        int | None,
        typer.Option(
            help="Side of a slide's tiles, pixels at full resolution; by default as in training."
        ),
    ] = None,
    overlap: Annotated[
        float, typer.Option(help="Overlap of a slide's tiles, as a share of the side.")
    ] = 0.0,
    min_tissue: Annotated[
        float, typer.Option(help="Minimum share of tissue in a slide's tile.")
    ] = 0.5,
    parquet: Annotated[bool, typer.Option("--parquet", help="A slide's tiles as Parquet.")] = False,
    gzip: Annotated[bool, typer.Option("--gzip", help="Write .geojson.gz.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace slides predicted with other settings.")
    ] = False,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Your own network: package.module:Class, or NAME=package.module:Class.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out what cannot be read.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the predictions.")] = False,
) -> None:
    """Probability and class of tiles, and of the tissue on slides. Not for diagnosis."""
    from her2bench.api.predicting import predict as run_predict
    from her2bench.core.terminal import say
    from her2bench.models.registry import use_model

    for entry in model or []:
        use_model(entry)
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

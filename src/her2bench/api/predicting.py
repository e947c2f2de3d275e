"""`her2bench.predict`: tiles, manifests and slides, with trained networks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from her2bench.core.atomic_io import check_writable
from her2bench.core.extras import needs_extra
from her2bench.core.manifest import read_manifest
from her2bench.core.tables import write_table

TILES = "predictions.csv"


@dataclass(frozen=True)
class PredictedFiles:
    """What was predicted.

    Attributes:
        tiles: `path, logit, probability, call` of tiles, and `tile_id` where there is a manifest.
        slides: the summary of each slide.
        left_out: file and reason of what could not be read.
    """

    tiles: pl.DataFrame | None = None
    slides: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def predict(
    run: str | Path,
    inputs: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    network: str | None = None,
    device: str = "auto",
    mpp: float | None = None,
    tile_size: int | None = None,
    overlap: float = 0.0,
    min_tissue: float = 0.5,
    table: Literal["csv", "parquet"] = "csv",
    gzip: bool = False,
    overwrite: bool = False,
    skip_bad: bool = False,
    tell: Callable[[str], object] = lambda text: None,
) -> PredictedFiles:
    """Predict tiles, folders of tiles, manifests and slides. Research use only.

    Tiles go into `out/predictions.csv`; a slide (longer side above 2048 pixels) gets a folder with
    its tiles, a GeoJSON for QuPath, a heatmap and a summary, and a row in `out/slides.csv`. Slides
    that are there already are kept: to resume, call it again.

    Args:
        run: a run folder, or a comparison folder (all finished runs of a network, averaged).
        inputs: files and folders.
        out: folder for the results.
        network: which of a comparison's networks.
        device: auto, cpu, cuda or mps.
        mpp: µm/pixel of the slides at full resolution, where they do not say it.
        tile_size: side of a slide's tiles in pixels at full resolution; by default the field of
            the training tiles.
        overlap: share of a slide's tile in common with the next; the heatmap shows means.
        min_tissue: least share of a slide's tile that is tissue.
        table: format of the table of a slide's tiles.
        gzip: `.geojson.gz`.
        overwrite: replace slides that were predicted with other settings.
        skip_bad: leave out what cannot be read.
        tell: given a line for each finished slide.

    Returns:
        The tiles' table and the slides' summaries.

    Raises:
        UserError: anything wrong with run, inputs or output.
    """
    cut = mpp, tile_size, overlap, min_tissue
    return _predicted(
        run, inputs, out, network, device, cut, (table, gzip, overwrite), skip_bad, tell
    )


def _predicted(
    run: str | Path,
    inputs: str | Path | Iterable[str | Path],
    out: str | Path,
    network: str | None,
    device: str,
    cut: tuple[float | None, int | None, float, float],
    written: tuple[Literal["csv", "parquet"], bool, bool],
    skip_bad: bool,
    tell: Callable[[str], object],
) -> PredictedFiles:
    with needs_extra("predict"):
        from her2bench.prediction.device import choose_device
        from her2bench.prediction.inputs import find_inputs
        from her2bench.prediction.predict_files import predict_rows, predict_tiles
        from her2bench.prediction.predictor import opened_predictor
        from her2bench.prediction.slides.predict_slides import SlideOptions, predict_slides
        from her2bench.prediction.slides.slide_tiles import SlideTiling
    given = [inputs] if isinstance(inputs, (str, Path)) else inputs
    found, out = find_inputs(map(Path, given)), Path(out)
    check_writable(out, "-o")
    tiling = SlideTiling(*cut)
    tiling.check()
    predictor = opened_predictor(Path(run), choose_device(device), network)
    parts = [predict_rows(predictor, read_manifest(m), skip_bad) for m in found.manifests]
    if found.tiles:
        parts.append(predict_tiles(predictor, found.tiles, predictor.networks.device, skip_bad))
    left_out = [entry for _, bad in parts for entry in bad]
    tiles = pl.concat([part for part, _ in parts], how="diagonal") if parts else None
    if tiles is not None:
        write_table(tiles, out / TILES)
    if not found.slides:
        return PredictedFiles(tiles, [], left_out)
    options = SlideOptions(tiling, *written, skip_bad)
    slides, bad = predict_slides(found.slides, predictor, out, options, tell)
    left_out += [(error.where, error.found) for error in bad]
    return PredictedFiles(tiles, slides, left_out)

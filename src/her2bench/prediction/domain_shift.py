"""Domain shift: how a tile differs from the training tiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from her2bench.core.manifest import REGION, read_manifest
from her2bench.core.parallel import follow, workers
from her2bench.core.runs import ComparisonFolder
from her2bench.core.tables import read_table
from her2bench.data.decoding.reading import Region, UnreadableImage, read_tile
from her2bench.data.decoding.rgb import resized
from her2bench.data.decoding.squares import Square, squared
from her2bench.stain import separate, white_points
from her2bench.stain.tissue_mask import differs_from_glass

SAMPLE = 300  # training tiles read: enough for their range, and fast at start
FEWEST = 20  # fewer give no range
LEAST_TISSUE = 0.05  # share of a tile, below which there is nothing to classify
_LARGER = 1.25  # ratio of the sides above which the size differs
_MIDDLE = (0.01, 0.99)  # quantiles of the training tiles that bound their range
_LINES = 64  # of a tile that are measured at least, where it has as many
_LOGARITHM = np.log10(np.maximum(np.arange(256), 1)).astype(np.float32)
_BEYOND = 0.25  # share of that range tolerance outside the range

# Feature: minimum widening of its range, texts for values below and above.
FEATURES: dict[str, tuple[float, str, str]] = {
    "white": (8.0, "Background darker", "Background brighter"),
    "cast": (6.0, "", "Background more coloured"),
    "dab": (0.10, "", "Stronger brown (DAB)"),
    "blue": (0.10, "Weaker blue (haematoxylin)", "Stronger blue (haematoxylin)"),
    "unexplained": (0.05, "", "Colours further from haematoxylin and DAB"),
    "colour": (0.02, "Less colour", ""),
    "detail": (3.0, "", "Noisier or sharper"),
}
_UNITS = {
    "white": "white point, of 255",
    "cast": "difference between colour channels, of 255",
    "dab": "98th percentile of optical density",
    "blue": "90th percentile of optical density",
    "unexplained": "share of optical density in neither stain",
    "colour": "difference between channels, share of optical density",
    "detail": "mean step between neighbouring pixels, of 255",
}


@dataclass(frozen=True)
class Training:
    """The training tiles' range: low and high of each feature, sides in pixels, tiles seen."""

    ranges: dict[str, tuple[float, float]]
    sides: tuple[int, int]
    tiles: int


def features(tiles: np.ndarray) -> dict[str, np.ndarray]:
    """White point, colour cast, amounts of stain, colour and detail of some tiles, by name.

    Args:
        tiles: (n, size, size, 3) uint8, at the networks' size; of large tiles about 64 to 128
            rows and columns are measured.

    Returns:
        Each (n,) float64.
    """
    step = max(1, tiles.shape[1] // _LINES)
    pixels = np.ascontiguousarray(tiles[:, ::step, ::step])
    white = white_points(pixels)
    light = np.log10(np.maximum(white, 1))[:, None] - _LOGARITHM[pixels.reshape(len(tiles), -1, 3)]
    density = np.maximum(light, 0)
    amounts = separate(density)
    total, optical = np.abs(amounts).sum(axis=(1, 2)), density.sum(axis=(1, 2))
    # Not explained by either stain: the residual and negative amounts.
    unexplained = np.abs(amounts[..., 2]).sum(axis=1)
    unexplained -= np.minimum(amounts[..., :2], 0).sum(axis=(1, 2))
    spread = (density.max(axis=2) - density.min(axis=2)).sum(axis=1)
    found = {
        "white": white.mean(axis=1),
        "cast": white.max(axis=1) - white.min(axis=1),
        "dab": np.percentile(amounts[..., 1], 98, axis=1),
        "blue": np.percentile(amounts[..., 0], 90, axis=1),
        "unexplained": np.divide(unexplained, total, out=np.zeros_like(total), where=total > 0),
        "colour": np.divide(spread, optical, out=np.zeros_like(total), where=optical > 0),
        "detail": (_steps(tiles[:, ::step], 2) + _steps(tiles[:, :, ::step], 1)) / 2,
    }
    return {name: values.astype(np.float64) for name, values in found.items()}


def _steps(tiles: np.ndarray, axis: int) -> np.ndarray:
    """(n,) mean step of grey between neighbouring pixels along an axis."""
    grey = tiles @ np.full(3, 1 / 3, np.float32)
    return np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2))


def distances(tiles: np.ndarray, training: Training) -> np.ndarray:
    """How far tiles are from the training tiles: 0 within their range in every feature.

    The largest excess of a feature beyond the range of the training tiles, as a share of that
    range's width: 1 is as far outside as the range is wide.

    Args:
        tiles: (n, size, size, 3) uint8, at the networks' size.
        training: their range.

    Returns:
        (n,) float64, 0 or more.
    """
    measured = features(tiles)
    excess = [np.zeros(len(tiles))]
    for name, (_, below, above) in FEATURES.items():
        low, high = training.ranges[name]
        excess += [(low - measured[name]) / (high - low)] if below else []
        excess += [(measured[name] - high) / (high - low)] if above else []
    return np.max(excess, axis=0)


_NOT_SQUARE: dict[Square, str] = {
    "squash": "the networks see it distorted",
    "crop": "the networks see the square in its middle alone",
    "pad": "the networks see it with added borders",
}


def learnt(tiles: Sequence[dict[str, float]], sides: Sequence[int]) -> Training:
    """The range of some training tiles' features, widened a little."""
    ranges = {}
    for name, (least, _, _) in FEATURES.items():
        values = np.array([tile[name] for tile in tiles])
        low, high = np.quantile(values, _MIDDLE).tolist()
        more = max(least, _BEYOND * (high - low))
        ranges[name] = (low - more, high + more)
    return Training(ranges, (min(sides), max(sides)), len(tiles))


def warnings(
    rgb: np.ndarray, tile: np.ndarray, training: Training | None, square: Square = "squash"
) -> list[str]:
    """How a tile differs from the training tiles, one sentence per difference.

    Args:
        rgb: (h, w, 3) uint8, as it was sent.
        tile: (size, size, 3) uint8, resized for the networks.
        training: what is known of the training tiles.
        square: what was done with the tile where it is not square.
    """
    tissue = float(differs_from_glass(tile).mean())
    found = []
    if tissue < LEAST_TISSUE:
        found.append(
            f"Hardly any tissue: {tissue:.0%} of the tile. Predictions are not meaningful."
        )
    height, width = rgb.shape[:2]
    if max(height, width) > _LARGER * min(height, width):
        found.append(f"Not square ({width} x {height} px): {_NOT_SQUARE[square]}.")
    if training is None:
        return found
    found += _unlike_size(max(height, width), training.sides)
    if tissue < LEAST_TISSUE:
        return found  # stain features are undefined on glass
    measured = {name: float(value[0]) for name, value in features(tile[None]).items()}
    for name, (_, below, above) in FEATURES.items():
        low, high = training.ranges[name]
        said = below if measured[name] < low else above if measured[name] > high else ""
        if said:
            found.append(
                f"{said} than in the training tiles ({_UNITS[name]}: {_number(measured[name])}; "
                f"training {_number(max(low, 0))} to {_number(high)})."
            )
    return found


def training_of(folder: ComparisonFolder, size: int, square: Square = "squash") -> Training | str:
    """The feature ranges of a comparison's training tiles, or why they are unknown.

    Args:
        folder: the comparison; with its manifest.
        size: side in pixels at which networks see tiles.
        square: what is done with tiles that are not square.
    """
    if not folder.manifest.is_file() or not folder.splits.is_file():
        return "the comparison folder holds no manifest of them"
    folder.check(folder.manifest, folder.splits)
    splits = read_table(folder.splits)
    ids = splits.filter(pl.col("split") == "train").select("tile_id").unique()
    manifest = read_manifest(folder.manifest).join(ids, on="tile_id", how="semi")
    rows = manifest[np.linspace(0, manifest.height - 1, SAMPLE).astype(int)].unique("tile_id")
    with workers() as pool:
        jobs = [pool.submit(_measured, row, size, square) for row in rows.iter_rows(named=True)]
        follow(jobs, "reading training tiles")
    seen = [result for job in jobs if (result := job.result()) is not None]
    if len(seen) < FEWEST:
        return (
            f"{len(seen)} of {len(jobs)} could be read in the folder of the manifest "
            f"({Path(manifest['path'][0]).parent.name})"
        )
    return learnt([tile for tile, _ in seen], [side for _, side in seen])


def _measured(row: dict, size: int, square: Square) -> tuple[dict[str, float], int] | None:
    region = Region(*(row[name] for name in REGION)) if row.get("x") is not None else None
    try:
        rgb = read_tile(row["path"], region)
    except UnreadableImage:
        return None
    measured = features(resized(squared(rgb, square), size)[None])
    return {name: float(value[0]) for name, value in measured.items()}, max(rgb.shape[:2])


def _unlike_size(side: int, sides: tuple[int, int]) -> list[str]:
    if sides[0] / _LARGER <= side <= sides[1] * _LARGER:
        return []
    known = f"{sides[0]}" if sides[0] == sides[1] else f"{sides[0]} to {sides[1]}"
    smaller = "smaller" if side < sides[0] else "larger"
    return [
        f"Another size: {side} px a side, training tiles {known} px. At the same µm/pixel it shows "
        f"a {smaller} field, and cells appear at another size to the networks."
    ]


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 3 else f"{value:.2f}"

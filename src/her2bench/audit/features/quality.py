"""What the checks of slides, shortcuts, labels and images keep of every tile: some 50 numbers.

Measured on an overview of about 256 pixels per side, in which the camera's noise is averaged out
and cells are not, and, for sharpness and noise, on small blocks at full resolution.
"""

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from her2bench.audit.features.audited_tile import AuditedTile, Extract
from her2bench.audit.features.jpeg import jpeg_quality
from her2bench.stain import dab_percentiles, optical_density, separate, white_point
from her2bench.stain.tissue_mask import differs_from_glass

BROWN = 0.05
"""How much more blue than red light a pixel absorbs, optical density, to count as brown. DAB
comes to half of its density, haematoxylin to less than nothing, and grey dirt to nothing."""
HAEMATOXYLIN_PERCENTILES = (50, 90, 98)
_OVERVIEW = 256
_BLOCK, _BLOCKS = 64, 4  # pixels; blocks per side
_LAGS = (1, 2, 4)
_RIM = 1 / 32  # of the side: 8 pixels of 256
_MEAN = np.full(3, 1 / 3, np.float32)  # a product is ten times as fast as a mean over 3
_DENSE = 0.12  # optical density, mean of the channels: pixels that show the stains' colours

_FIELDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "white": ("f4", (3,)),  # stain.white_point: RGB level of glass, or of the palest tissue
    "tissue": ("f4", ()),  # share of the tile
    "dab": ("f4", (5,)),  # stain.dab_percentiles, optical density
    "haematoxylin": ("f4", (3,)),  # percentiles, optical density
    "brown": ("f4", ()),  # share of the tile, see BROWN
    "hue": ("f4", (3,)),  # mean direction of the dense pixels' optical density, unit length or 0
    "dense": ("f4", ()),  # share of the tile that is dense
    "pink": ("f4", ()),  # optical density of what neither stain explains, mean over dense pixels
    "sharpness": ("f4", (2,)),  # log ratio of contrast over 1 and 2, 2 and 4 pixels, in tissue
    "noise": ("f4", ()),  # grey levels, in the flattest places
    "clipped": ("f4", ()),  # of tissue and black pixels, the share at 0 or 255 in all channels
    "rim": ("f4", (4,)),  # outermost 1/32: mean RGB, and mean step between pixels
    "inner_rim": ("f4", (4,)),  # the same of the ring inside it
    "size": ("i4", (2,)),  # height, width of the tile, pixels
    "jpeg_quality": ("f4", ()),  # 1 to 100 as libjpeg counts; 0 where it is no JPEG
    "bytes_per_pixel": ("f4", ()),  # of the file; 0 where the tile is a region of it
    "modified": ("f8", ()),  # seconds since 1970
    "format": ("U8", ()),
    "mode": ("U8", ()),
}


def measure(tile: AuditedTile) -> dict[str, ArrayLike]:
    """The measures of one tile, by name, as `QUALITY_FEATURES.fields` lists them."""
    return {**_of_file(tile), **_of_stain(tile.rgb), **_of_detail(tile.rgb), **_of_rim(tile.rgb)}


QUALITY_FEATURES = Extract(_FIELDS, measure, version=1)


def _of_file(tile: AuditedTile) -> dict[str, ArrayLike]:
    file, (height, width, _) = tile.file, tile.rgb.shape
    whole = tile.region is None and file.width > 0
    return {
        "size": (height, width),
        "jpeg_quality": jpeg_quality(file.quantisation),
        "bytes_per_pixel": file.bytes / (file.width * file.height) if whole else 0.0,
        "modified": file.modified,
        "format": file.format,
        "mode": file.mode,
    }


def _of_stain(rgb: np.ndarray) -> dict[str, ArrayLike]:
    small = overview(rgb)
    tissue = differs_from_glass(small)
    white = np.maximum(white_point(rgb), 1)
    density = optical_density(small, white)
    blue, _, rest = np.moveaxis(separate(density), -1, 0)
    dense = (density @ _MEAN > _DENSE) & tissue
    direction = density[dense].mean(axis=0) if dense.any() else np.zeros(3)
    total = small @ np.ones(3, np.uint16)
    black = total <= 3  # the mask takes it for a place that was not scanned
    clipped = (black | (total >= 3 * 255))[tissue | black]
    return {
        "white": white,
        "tissue": tissue.mean(),
        "dab": dab_percentiles(rgb[None])[0],
        "haematoxylin": np.percentile(np.maximum(blue, 0), HAEMATOXYLIN_PERCENTILES),
        "brown": (density[..., 2] - density[..., 0] > BROWN).mean(),
        "hue": direction / max(float(np.linalg.norm(direction)), 1e-6),
        "dense": dense.mean(),
        "pink": rest[dense].mean() if dense.any() else 0.0,
        "clipped": clipped.mean() if len(clipped) else 0.0,
    }


def overview(rgb: np.ndarray) -> np.ndarray:
    """A tile shrunk by a whole factor to about 256 pixels per side, by plain averaging."""
    factor = max(1, round(max(rgb.shape[:2]) / _OVERVIEW))
    return rgb if factor == 1 else np.asarray(Image.fromarray(rgb).reduce(factor))


def _of_detail(rgb: np.ndarray) -> dict[str, ArrayLike]:
    """Sharpness and noise, from blocks at full resolution.

    Sharpness is a ratio of contrasts, so that a stronger stain alone does not move it.
    """
    blocks = _blocks(rgb)
    contrasts = np.stack([_steps(blocks, lag) for lag in _LAGS])
    # The half of the blocks with most contrast: in glass there is nothing to be sharp.
    busy = contrasts[:, np.argsort(contrasts[-1])[len(blocks) // 2 :]].sum(axis=1)
    return {"sharpness": np.diff(-np.log(busy + 1e-3)), "noise": _noise(blocks)}


def _blocks(rgb: np.ndarray) -> np.ndarray:
    """(k, b, b) float32 grey levels of up to 16 blocks, evenly spread over the tile."""
    height, width, _ = rgb.shape
    side = min(_BLOCK, height, width)
    rows = np.unique(np.linspace(0, height - side, min(_BLOCKS, height // side)).astype(int))
    columns = np.unique(np.linspace(0, width - side, min(_BLOCKS, width // side)).astype(int))
    parts = [rgb[r : r + side, c : c + side] for r in rows for c in columns]
    return np.stack(parts).astype(np.float32) @ _MEAN


def _steps(blocks: np.ndarray, lag: int) -> np.ndarray:
    """(k,) mean square step between pixels `lag` apart."""
    if blocks.shape[1] <= lag:
        return np.zeros(len(blocks))
    down = blocks[:, lag:] - blocks[:, :-lag]
    across = blocks[:, :, lag:] - blocks[:, :, :-lag]
    return (down**2).mean(axis=(1, 2)) + (across**2).mean(axis=(1, 2))


def _noise(blocks: np.ndarray) -> float:
    """Standard deviation of the sensor's noise, grey levels: in the flattest tenth of places.

    Source of the kernel: Immerkaer 1996, Computer Vision and Image Understanding 64:300.
    """
    if blocks.shape[1] < 3:
        return 0.0
    rows = blocks[:, :-2] - 2 * blocks[:, 1:-1] + blocks[:, 2:]
    both = rows[:, :, :-2] - 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    side = both.shape[1] // 8 * 8
    if side == 0:
        return float(np.sqrt((both**2).mean()) / 6)
    cells = (both[:, :side, :side] ** 2).reshape(len(both), side // 8, 8, side // 8, 8)
    return float(np.sqrt(np.percentile(cells.mean(axis=(2, 4)), 10)) / 6)


def _of_rim(rgb: np.ndarray) -> dict[str, ArrayLike]:
    width = max(1, round(min(rgb.shape[:2]) * _RIM))
    return {"rim": _ring(rgb, 0, width), "inner_rim": _ring(rgb, width, width)}


def _ring(rgb: np.ndarray, inset: int, width: int) -> np.ndarray:
    """Mean RGB of a ring `inset` pixels inside the tile's edge, and the mean step along it."""
    height, across, _ = rgb.shape
    inside = rgb[inset : height - inset, inset : across - inset]
    if min(inside.shape[:2]) <= 2 * width:
        return np.zeros(4)
    sides = [inside[:width], inside[-width:]]
    sides += [np.swapaxes(s, 0, 1) for s in (inside[:, :width], inside[:, -width:])]
    colour = np.mean([[side[..., c].mean() for c in range(3)] for side in sides], axis=0)
    steps = [np.abs(np.diff(side[..., 1].astype(np.int16), axis=1)).mean() for side in sides]
    return np.append(colour, np.mean(steps))

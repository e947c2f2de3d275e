"""What a tile shows of its slide and not of the place on it: glass, light, stains, lens, file.

Each tile is described as a whole and, in the same terms, quarter by quarter: how far the quarters
of one tile differ says how little a difference between two tiles may mean.

The amount of brown is no entry: it is the label, and it changes from place to place. The mean hue
and density of all that is stained hold some of it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from her2bench.audit.features.audited_tile import AuditedTile, Extract, FileFacts
from her2bench.stain import optical_density, separate

Floats = NDArray[np.floating]
LEAST_SIDE = 32  # pixels: a quarter of a smaller tile shows nothing of lens and noise
_COLOURS = 128  # about the side of the grid of points on which colours are looked at
_CROP = 128  # side of the part at full resolution on which noise and sharpness are looked at
_BLOCK = 8  # side of the blocks among which the flattest are looked for; JPEG's own
_FAINT = 0.12  # optical density below which a pixel's hue is noise
_BANDS = 8  # of the power spectrum, from 1/16 to 1/2 of the sampling rate
_REACHES = (1, 2, 3, 6)  # pixels over which edges are looked at

NAMES = (
    *("glass", "glass_red", "glass_blue", "top", "top_red", "top_blue"),
    *("blue_hue", "blue_rest", "brown_hue", "brown_rest", "stain_hue", "stain_rest"),
    *("haematoxylin_50", "haematoxylin_90", "haematoxylin_99"),
    *("red_density", "green_density", "blue_density"),
    *("noise", "noise_red", "noise_blue", "grain"),
    *(f"edges_{reach}" for reach in _REACHES[1:]),
    *(f"power_{band}" for band in range(_BANDS)),
)
"""The entries of a fingerprint, in order."""


def fingerprints(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The fingerprints of a tile and of its quarters.

    Args:
        rgb: (height, width, 3), at full resolution, 32 pixels per side at least.

    Returns:
        (5, len(NAMES)), the tile first: grey levels, angles (radians), optical densities, natural
        logarithms. Noise and lens of the tile are means over its quarters.
    """
    points = _points(rgb)
    white = brightest(points)
    y, x = rgb.shape[0] // 2, rgb.shape[1] // 2
    quarters = (rgb[:y, :x], rgb[:y, x:], rgb[y:, :x], rgb[y:, x:])
    texture = np.stack([_texture(quarter) for quarter in quarters])
    whole = [*_colours(rgb, points, white), *texture.mean(axis=0)]
    parts = [
        [*_colours(quarter, _points(quarter), white), *own]
        for quarter, own in zip(quarters, texture, strict=True)
    ]
    return np.array([whole, *parts], np.float32)


def _colours(rgb: NDArray[np.uint8], points: Floats, white: Floats) -> Floats:
    density = optical_density(points.astype(np.uint8), white).reshape(-1, 3)
    return np.concatenate([_glass(rgb), _hue(brightest(points)), _stains(density)])


def _texture(rgb: NDArray[np.uint8]) -> Floats:
    y, x = (max(0, (side - _CROP) // 2) for side in rgb.shape[:2])
    crop = rgb[y : y + _CROP, x : x + _CROP].astype(np.float32)
    return np.concatenate([_noise(crop), _lens(crop)])


def brightest(colours: Floats) -> NDArray[np.float32]:
    """Mean colour (3,) of the brightest hundredth: the glass, or the palest tissue there is."""
    pixels = colours.reshape(-1, 3)
    count = max(4, len(pixels) // 100)
    chosen = np.argpartition(pixels[:, 1], -count)[-count:]
    return np.maximum(pixels[chosen].mean(axis=0, dtype=np.float32), 1)


def _points(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means of 2 x 2 pixels on a grid of about 128 x 128 points."""
    step = max(2, min(rgb.shape[:2]) // _COLOURS)
    height, width = (side // step * step for side in rgb.shape[:2])
    total = np.zeros((height // step, width // step, 3), np.float32)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        total += rgb[i:height:step, j:width:step]
    return (total / 4).astype(np.float32)


def _blocks(plane: NDArray) -> NDArray:
    """(height, width, channels) cut into blocks: (blocks, side, side, channels)."""
    rows, columns = (side // _BLOCK for side in plane.shape[:2])
    whole = plane[: rows * _BLOCK, : columns * _BLOCK]
    cut = whole.reshape(rows, _BLOCK, columns, _BLOCK, -1).swapaxes(1, 2)
    return cut.reshape(rows * columns, _BLOCK, _BLOCK, -1)


def _glass(rgb: NDArray[np.uint8]) -> Floats:
    """Colour of the flattest of the bright blocks: bare glass to a tenth of a level, if any."""
    rows, columns = (side // _BLOCK for side in rgb.shape[:2])
    whole = rgb[: rows * _BLOCK, : columns * _BLOCK, 1]
    green = np.zeros((rows, columns), np.uint16)
    for i in range(0, _BLOCK, 2):  # every second pixel of every second row will do to choose
        for j in range(0, _BLOCK, 2):
            green += whole[i::_BLOCK, j::_BLOCK]
    count = max(4, green.size // 20)
    row, column = np.divmod(np.argpartition(green.ravel(), -count)[-count:], columns)
    inside = np.arange(_BLOCK)
    y = (row * _BLOCK)[:, None, None] + inside[:, None]
    x = (column * _BLOCK)[:, None, None] + inside
    bright = rgb[y, x].astype(np.float32)
    few = max(2, count // 4)
    flat = np.argpartition(bright[..., 1].std(axis=(1, 2)), few - 1)[:few]
    return _hue(np.median(bright[flat].mean(axis=(1, 2)), axis=0))


def _hue(colour: Floats) -> Floats:
    """Green level, red and blue less green."""
    red, green, blue = colour
    return np.array([green, red - green, blue - green])


def _stains(density: NDArray[np.float32]) -> Floats:
    """Directions of the bluest, brownest and all stained points; amounts of blue; mean density.

    Points above a least density, their extreme twentieths by hue: after Macenko 2009 (IEEE ISBI,
    1107), with the plane fixed to the usual stain vectors, and the density off it kept beside.
    """
    strength = np.linalg.norm(density, axis=1)
    stained = strength > min(_FAINT, float(np.percentile(strength, 90)))
    amounts = separate(density)
    chosen = amounts[stained] if stained.any() else amounts
    hue = np.arctan2(chosen[:, 1], chosen[:, 0])
    low, high = np.percentile(hue, [5, 95])
    directions = []
    for these in (hue <= low, hue >= high, np.ones(len(hue), bool)):
        blue, brown, rest = chosen[these].sum(axis=0)
        directions += [np.arctan2(brown, blue), rest / max(np.hypot(blue, brown), 1e-3)]
    levels = np.percentile(amounts[:, 0], [50, 90, 99])
    return np.array([*directions, *levels, *density.mean(axis=0)])


def _noise(crop: NDArray[np.float32]) -> Floats:
    """Noise of green, red and blue in the flattest tenth of the blocks, and how fine it is."""
    blocks = _blocks(np.stack([crop[..., 1], *_against_green(crop)], axis=-1))
    count = max(2, len(blocks) // 10)
    flat = blocks[np.argpartition(blocks[..., 0].std(axis=(1, 2)), count - 1)[:count]]
    step = np.diff(flat, axis=2)
    level = np.sqrt(np.median((step**2).mean(axis=(1, 2)), axis=0))
    wide = np.sqrt(((flat[:, :, 2:, 0] - flat[:, :, :-2, 0]) ** 2).mean())
    fine = np.sqrt((step[..., 0] ** 2).mean())
    return np.log(np.array([*(level + 0.05), (wide + 0.05) / (fine + 0.05)]))


def _against_green(crop: NDArray[np.float32]) -> tuple[Floats, Floats]:
    return crop[..., 0] - crop[..., 1], crop[..., 2] - crop[..., 1]


def _lens(crop: NDArray[np.float32]) -> Floats:
    """How much steeper the steepest edges get over a longer reach, and the power spectrum."""
    grey = np.log(np.maximum(crop[..., 1], 1))
    steps = [np.abs(grey[:, reach:] - grey[:, :-reach]) for reach in _REACHES]
    steep = np.log([0.01 + np.percentile(step, 99) for step in steps])
    return np.concatenate([np.diff(steep), _spectrum(grey)])


def _spectrum(grey: NDArray[np.float32]) -> Floats:
    side = min(grey.shape)
    square = grey[:side, :side] - grey[:side, :side].mean()
    window = np.hanning(side).astype(np.float32)
    power = np.abs(np.fft.rfft2(square * window[:, None] * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    band = np.digitize(frequency, np.geomspace(1 / 16, 1 / 2, _BANDS + 1)).ravel()
    sums, counts = (np.bincount(band, w, _BANDS + 2) for w in (power.ravel(), None))
    return np.log(sums[1:-1] / np.maximum(counts[1:-1], 1) / side**2 + 1e-6)


def _quantisation(file: FileFacts) -> float:
    """The logarithm of a JPEG's mean quantisation step, 0 where the file is not a JPEG."""
    return 0.0 if file.quantisation is None else float(np.log(file.quantisation.mean()))


def _take(tile: AuditedTile) -> Mapping[str, NDArray | float]:
    rgb = tile.rgb
    if min(rgb.shape[:2]) < LEAST_SIDE:
        return {"quantisation": _quantisation(tile.file)}
    prints = fingerprints(rgb)
    return {
        "fingerprint": prints[0],
        "fingerprint_quarters": prints[1:],
        "quantisation": _quantisation(tile.file),
    }


SCANNER_FEATURES = Extract(
    {
        "fingerprint": ("float32", (len(NAMES),)),
        "fingerprint_quarters": ("float32", (4, len(NAMES))),
        "quantisation": ("float32", ()),
    },
    _take,
    version=1,
)
"""Whole tile (n, 33), quarters (n, 4, 33), the file's quantisation (n,); of tiles below 32 px 0."""

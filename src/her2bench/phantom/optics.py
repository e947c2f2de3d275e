"""From stain to picture: Beer and Lambert, the lens, the sensor."""

import numpy as np
from numpy.typing import NDArray

from her2bench.phantom.canvas import Canvas
from her2bench.phantom.texture import Floats

_SHARPENING_RADIUS = 1.1  # pixels
_PIXEL = 0.45  # pixels: a pixel sees the light of its whole area
_LN10 = np.float32(np.log(10))


def photograph(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The scanner's image of a canvas: (height, width, 3), uint8.

    Light is the white point times 10^-(optical density); the lens blurs light, not density.
    """
    slide = canvas.slide
    light = np.empty((3, *canvas.blue.shape), np.float32)
    for c in range(3):
        density = canvas.blue * np.float32(slide.haematoxylin[c])
        density += canvas.brown * np.float32(slide.dab[c])
        density += canvas.grey
        np.exp(density * -_LN10, out=light[c])
        light[c] *= np.float32(slide.white[c])
    light = blurred(light, float(np.hypot(slide.blur / canvas.mpp, _PIXEL)))
    if slide.sharpening > 0.05:
        light += np.float32(slide.sharpening) * (light - blurred(light, _SHARPENING_RADIUS))
    light += _sensor_noise(light, slide.noise, rng)
    return np.ascontiguousarray(np.clip(light + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))


def blurred(planes: Floats, sigma: float) -> Floats:
    """Planes (n, height, width) blurred by about a Gaussian of `sigma` pixels.

    Three taps, as often as it takes for the variance to be right: quicker than a sampled
    Gaussian at the small widths of a lens.
    """
    variance = sigma**2
    passes = max(1, int(np.ceil(variance / 0.5)))
    side = np.float32(variance / passes / 2)
    for _ in range(passes):
        planes = _three_taps(_three_taps(planes, side, 1), side, 2)
    return planes


def _three_taps(planes: Floats, side: np.float32, axis: int) -> Floats:
    moved = np.swapaxes(planes, axis, 1)
    out = moved * (1 - 2 * side)
    part = moved * side
    out[:, 1:] += part[:, :-1]
    out[:, :-1] += part[:, 1:]
    out[:, 0] += part[:, 0]
    out[:, -1] += part[:, -1]
    return np.swapaxes(out, axis, 1)


def _sensor_noise(light: Floats, level: float, rng: np.random.Generator) -> Floats:
    """Shot noise: its variance grows with the light; mostly common to the three channels."""
    common = rng.standard_normal(light.shape[1:], np.float32)
    own = rng.standard_normal(light.shape, np.float32)
    noise = common + np.float32(0.4) * own
    return noise * np.sqrt(np.maximum(light, 4) / 200) * np.float32(level * 0.75)

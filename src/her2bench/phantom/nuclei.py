"""Nuclei: ellipses with a soft edge, pale inside if vesicular, stamped onto the canvas."""

from dataclasses import dataclass

import numpy as np

from her2bench.phantom.canvas import Canvas
from her2bench.phantom.texture import Floats

_AT_ONCE = 4096  # nuclei stamped together, so that memory stays bounded
_EDGE = 0.7  # µm over which a nucleus fades out


@dataclass(frozen=True)
class Nuclei:
    """Nuclei of one kind; every array is (n,), lengths in µm.

    Attributes:
        y, x: centre.
        long, short: half axes.
        angle: of the long axis, radians from the x axis towards y.
        density: haematoxylin, optical density.
        pale: how much paler the middle is than the rim, 0 to 1.
    """

    y: Floats
    x: Floats
    long: Floats
    short: Floats
    angle: Floats
    density: Floats
    pale: float

    def __len__(self) -> int:
        return len(self.y)

    def part(self, these: slice) -> "Nuclei":
        """Some of the nuclei."""
        arrays = (self.y, self.x, self.long, self.short, self.angle, self.density)
        return Nuclei(*(a[these] for a in arrays), pale=self.pale)


def stamp(canvas: Canvas, nuclei: Nuclei) -> tuple[Floats, Floats]:
    """How far each pixel is covered (0 to 1), and by how much haematoxylin: two (height, width)."""
    covered, density = (np.zeros(canvas.blue.size, np.float32) for _ in range(2))
    for start in range(0, len(nuclei), _AT_ONCE):
        _stamp_part(canvas, nuclei.part(slice(start, start + _AT_ONCE)), covered, density)
    return covered.reshape(canvas.blue.shape), density.reshape(canvas.blue.shape)


def _stamp_part(canvas: Canvas, nuclei: Nuclei, covered: Floats, density: Floats) -> None:
    height, width = canvas.blue.shape
    mpp = np.float32(canvas.mpp)
    reach = int(np.ceil((nuclei.long.max() + _EDGE) / mpp)) + 1
    steps = np.arange(-reach, reach + 1)
    rows = np.floor(nuclei.y / mpp).astype(np.intp)[:, None] + steps
    columns = np.floor(nuclei.x / mpp).astype(np.intp)[:, None] + steps
    dy = ((rows + np.float32(0.5)) * mpp - nuclei.y[:, None]).astype(np.float32)[:, :, None]
    dx = ((columns + np.float32(0.5)) * mpp - nuclei.x[:, None]).astype(np.float32)[:, None, :]
    cos, sin = (f(nuclei.angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    along = (dx * cos + dy * sin) / nuclei.long[:, None, None]
    across = (dy * cos - dx * sin) / nuclei.short[:, None, None]
    square = along**2 + across**2
    edge = np.maximum(np.float32(_EDGE), mpp) / nuclei.short[:, None, None]
    cover = np.clip((1 - np.sqrt(square)) / edge + np.float32(0.5), 0, 1)
    inside = (rows >= 0) & (rows < height)
    inside = inside[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    inside &= cover > 0
    index = (rows[:, :, None] * width + columns[:, None, :])[inside]
    cover, square = cover[inside], square[inside]
    each = np.broadcast_to(nuclei.density[:, None, None], inside.shape)[inside]
    np.maximum.at(covered, index, cover)
    np.maximum.at(density, index, cover * each * (1 - nuclei.pale * (1 - square)).clip(0, 1))

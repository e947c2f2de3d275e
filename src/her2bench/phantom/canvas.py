"""The field while it is drawn: how much of each stain lies at each pixel."""

from dataclasses import dataclass

import numpy as np

from her2bench.phantom.slides import Slide
from her2bench.phantom.texture import Floats


@dataclass
class Canvas:
    """Amounts of stain by pixel, (height, width), optical density, and where each pixel is.

    Attributes:
        y, x: (height,) and (width,), centres of the pixels, µm.
        blue, brown, grey: haematoxylin, DAB and what absorbs all colours alike.
    """

    slide: Slide
    mpp: float
    y: Floats
    x: Floats
    blue: Floats
    brown: Floats
    grey: Floats

    @classmethod
    def blank(cls, slide: Slide, height: int, width: int, mpp: float) -> "Canvas":
        """Empty glass."""
        y, x = (((np.arange(n) + 0.5) * mpp).astype(np.float32) for n in (height, width))
        blue, brown, grey = (np.zeros((height, width), np.float32) for _ in range(3))
        return cls(slide, mpp, y, x, blue, brown, grey)

    @property
    def extent(self) -> tuple[float, float]:
        """Height and width, µm."""
        return len(self.y) * self.mpp, len(self.x) * self.mpp

    def soft_line(self, distance: Floats, half_width: float) -> Floats:
        """How much of a line lies at each pixel, 0 to 1, at `distance` µm from its middle.

        A line thinner than a pixel fades instead of growing.
        """
        drawn = max(half_width, 0.5 * self.mpp)
        return np.exp(-((distance / np.float32(drawn)) ** 2)) * np.float32(half_width / drawn)

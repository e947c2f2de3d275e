"""A field of a slide, drawn: stain by stain in optical density, then as the scanner sees it."""

import numpy as np
from numpy.typing import NDArray

from her2bench.phantom.canvas import Canvas
from her2bench.phantom.epithelium import draw_epithelium
from her2bench.phantom.optics import photograph
from her2bench.phantom.slides import Slide
from her2bench.phantom.stroma import draw_debris, draw_stroma
from her2bench.phantom.tissue import lay_out
from her2bench.phantom.truth import Truth, truth_of


def draw_field(
    slide: Slide, rng: np.random.Generator, height: int, width: int, mpp: float
) -> tuple[NDArray[np.uint8], Truth]:
    """A field of a slide, and what is true of it.

    Args:
        slide: what all fields of the slide share, from `draw_slides` or `draw_slide`.
        rng: source of what is this field's own.
        height, width: pixels.
        mpp: µm/pixel.

    Returns:
        The image, (height, width, 3), uint8, and its truth.
    """
    layout, strokes = rng.spawn(2)
    tissue = lay_out(slide, layout, (height * mpp, width * mpp))
    canvas = Canvas.blank(slide, height, width, mpp)
    draw_stroma(canvas, tissue, strokes)
    draw_epithelium(canvas, tissue, strokes)
    draw_debris(canvas, strokes)
    return photograph(canvas, strokes), truth_of(tissue)

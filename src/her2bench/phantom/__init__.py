"""Synthetic IHC tiles with known truth, drawn by physics and calibrated to the facts of BCI."""

from her2bench.phantom.drawing import draw_field
from her2bench.phantom.folder import write_phantom
from her2bench.phantom.settings import PhantomSettings, phantom_settings, read_settings
from her2bench.phantom.slides import Slide, draw_slide, draw_slides
from her2bench.phantom.tiles import tile_truth, tiles_of
from her2bench.phantom.truth import Truth, field_truth

__all__ = [
    "PhantomSettings",
    "Slide",
    "Truth",
    "draw_field",
    "draw_slide",
    "draw_slides",
    "field_truth",
    "phantom_settings",
    "read_settings",
    "tile_truth",
    "tiles_of",
    "write_phantom",
]

"""Conversion of any image mode to RGB, and the resizing of tiles to the networks' input size."""

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from her2bench.data.decoding.unreadable import UnreadableImage

_GREY16 = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_QUARTER = 1 << 14
_SHALLOW = {"L;2": 85, "L;4": 17}
_SIGNED, _PHOTOMETRIC, _SAMPLE_FORMAT = 2, 262, 339  # of TIFF


def to_rgb(image: Image.Image) -> Image.Image:
    """A Pillow image of any mode as RGB, 8 bits per channel.

    Transparent pixels are laid on white (the colour of empty glass); 16-bit values are scaled from
    0–65535, floating-point grey from 0–1, or taken as 0–255 where it goes beyond 1.

    Raises:
        UnreadableImage: the values have no known scale: 16 bits of which no more than 14 are used
            (a camera's 10, 12 or 14 would be read as black), signed values, floats beyond 255.

    >>> to_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    >>> to_rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
    (255, 255, 255)
    """
    raw = _raw_mode(image)
    _check_tags(image)
    image.load()
    if image.mode in _GREY16:
        return _grey16(image)
    if image.mode == "F":
        return _floats(np.asarray(image))
    if ";16" in raw:
        _check_depth(int(np.asarray(image.convert("RGB")).max(initial=0)) << 8)
    if image.has_transparency_data:
        return _on_white(_with_alpha(image, raw))
    return image if image.mode == "RGB" else image.convert("RGB")


def resized(rgb: np.ndarray, size: int) -> np.ndarray:
    """A tile at the networks' input size, by Pillow's bilinear filter with antialiasing.

    Args:
        rgb: (h, w, 3) uint8.
        size: side of the result in pixels.

    Returns:
        (size, size, 3) uint8, pixel for pixel what `Image.resize` gives for the whole tile.
    """
    image = Image.fromarray(rgb)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def quickly_resized(rgb: np.ndarray, size: int) -> np.ndarray:
    """As `resized`, by PyTorch's filter of the same kind: several times as fast.

    Its weights are rounded to 16 bits, so a value may be another by 1.
    """
    import torch  # imported late and only here: the package works without torch otherwise
    from torch.nn.functional import interpolate

    tile = torch.from_numpy(rgb).permute(2, 0, 1)[None]
    small = interpolate(tile, (size, size), mode="bilinear", antialias=True)
    return small[0].permute(1, 2, 0).numpy()


def _raw_mode(image: Image.Image) -> str:
    """How the file stores pixels, as Pillow names it: `RGB;16B`, `L;4`; empty once decoded."""
    tile = image.tile[0].args if isinstance(image, ImageFile) and image.tile else ""
    return str(tile[0] if isinstance(tile, tuple) and tile else tile)


def _check_tags(image: Image.Image) -> None:
    tags = getattr(image, "tag_v2", {})
    if image.mode == "L" and tags.get(_SAMPLE_FORMAT) in (_SIGNED, (_SIGNED,)):
        raise UnreadableImage("signed 8-bit values, which have no known scale: save it as RGB")
    if image.mode in (*_GREY16, "F") and tags.get(_PHOTOMETRIC) == 0:
        raise UnreadableImage("deep grey values of which 0 is white: save it as RGB")


def _grey16(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    if low < 0 or high > 65535:
        raise UnreadableImage(
            f"grey values from {low} to {high}, which have no known scale (0 to 65535 has)"
        )
    _check_depth(high)
    grey = values.astype(np.float64) / 257
    if (clear := image.info.get("transparency")) is not None:
        grey[values == clear] = 255
    return _grey(grey)


def _floats(values: np.ndarray) -> Image.Image:
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not (low >= 0 and high <= 255):  # false for NaN, too
        raise UnreadableImage(
            f"floating-point values from {low:g} to {high:g}, which have no known scale "
            "(0 to 1 and 0 to 255 have)"
        )
    return _grey(values * 255 if high <= 1 else values)


def _check_depth(highest: int) -> None:
    if 0 < highest < _QUARTER:
        raise UnreadableImage(
            f"16-bit values of at most {highest}: {highest.bit_length()} bits in 16 would be read "
            "as black; save it as 8-bit RGB"
        )


def _with_alpha(image: Image.Image, raw: str) -> Image.Image:
    clear = image.info.get("transparency")
    if ";16" in raw and clear is not None:
        raise UnreadableImage("16-bit colours of which one is transparent: save it as 8-bit RGB")
    if raw in _SHALLOW and isinstance(clear, int):
        # Pillow scales these pixels to 8 bits, and not the level that is transparent.
        image.info["transparency"] = clear * _SHALLOW[raw]
    return image.convert("RGBA")


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8)).convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):  # most of a slide: the same pixels in half the time
        return image.convert("RGB")
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=alpha)
    return white

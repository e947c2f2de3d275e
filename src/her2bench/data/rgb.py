"""Any image mode to RGB, and the one way in which a tile is brought to the networks' size."""

import numpy as np
from PIL import Image

_GREY16 = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def to_rgb(image: Image.Image) -> Image.Image:
    """A Pillow image of any mode as RGB, 8 bits a channel.

    Transparent pixels are laid on white (the colour of empty glass); 16-bit grey is scaled from
    0–65535, floating-point grey from 0–1 (or clipped to 0–255 where it goes beyond 1).

    >>> to_rgb(Image.new("RGBA", (1, 1), (0, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    >>> to_rgb(Image.new("I;16", (1, 1), 65535)).getpixel((0, 0))
    (255, 255, 255)
    """
    if image.mode == "RGB":
        return image
    if image.mode in _GREY16:
        grey = np.asarray(image).astype(np.float64) / 257
        return _grey(grey)
    if image.mode == "F":
        grey = np.nan_to_num(np.asarray(image))
        return _grey(grey * 255 if grey.max(initial=0) <= 1 else grey)
    if image.has_transparency_data:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


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
    """As `resized`, by PyTorch's filter of the same kind: several times as quick.

    Its weights are rounded to 16 bits, so a value may be another by 1.
    """
    import torch  # here alone in this floor, and late: all else works where it is not installed
    from torch.nn.functional import interpolate

    tile = torch.from_numpy(rgb).permute(2, 0, 1)[None]
    small = interpolate(tile, (size, size), mode="bilinear", antialias=True)
    return small[0].permute(1, 2, 0).numpy()


def _grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8)).convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, (255, 255, 255))
    white.paste(image, mask=image.getchannel("A"))
    return white

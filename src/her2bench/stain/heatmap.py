"""The colours of a Grad-CAM map that is laid over a tile, in report and browser."""

import numpy as np

# Greens and yellows: colours that neither haematoxylin nor DAB nor their mixtures have.
_COLOURS = np.array([[0, 90, 120], [0, 150, 110], [120, 200, 40], [255, 240, 60]], np.float32)
_STRONGEST = 0.65  # opacity at the greatest value; at 0 the tile shows unchanged


def heatmap(values: np.ndarray) -> np.ndarray:
    """A map as a picture with transparency.

    Args:
        values: (h, w), 0 to 1.

    Returns:
        (h, w, 4) uint8 RGBA; 0 is clear, 1 is yellow at two thirds opacity.

    >>> heatmap(np.array([[0.0, 1.0]])).tolist()
    [[[0, 90, 120, 0], [255, 240, 60, 166]]]
    """
    values = np.clip(values, 0, 1)
    steps = np.linspace(0, 1, len(_COLOURS))
    colour = [np.interp(values, steps, _COLOURS[:, c]) for c in range(3)]
    return np.rint(np.stack([*colour, 255 * _STRONGEST * values], axis=-1)).astype(np.uint8)

"""The scale of training tiles: µm/pixel at the size at which the network sees them."""

import polars as pl

from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.data.decoding.reading import UnreadableImage, open_image

_ALIKE = 0.02  # relative spread of µm/pixel that still counts as one scale


def scale_of(folder: ComparisonFolder, size: int) -> float | None:
    """µm/pixel of a training tile resized to `size` pixels.

    None where the manifest has no `mpp`, tiles have several, or the side of a tile is unknown.
    """
    if not folder.manifest.is_file():
        return None
    folder.check(folder.manifest)
    manifest = read_manifest(folder.manifest)
    if "mpp" not in manifest.columns or manifest["mpp"].null_count():
        return None
    if "width" in manifest.columns and not manifest["width"].null_count():
        fields = manifest["mpp"] * manifest["width"]
        square = (manifest["width"] == manifest["height"]).all()
    else:
        fields, square = _of_whole_images(manifest)
    if not square or fields.is_empty():
        return None
    low, high = fields.min(), fields.max()
    assert isinstance(low, float) and isinstance(high, float)
    return (low + high) / 2 / size if high <= low * (1 + _ALIKE) else None


def _of_whole_images(manifest: pl.DataFrame) -> tuple[pl.Series, bool]:
    """Each tile's field of view in µm, by the side of the first image, and whether it is square."""
    try:
        image = open_image(manifest["path"][0])
    except UnreadableImage:
        return pl.Series([], dtype=pl.Float64), False
    width, height = image.width, image.height
    image.close()
    return manifest["mpp"] * width, width == height

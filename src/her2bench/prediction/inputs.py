"""What `predict` is given: tiles, manifests of tiles, and slides."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from her2bench.core.atomic_io import reading
from her2bench.core.errors import UserError
from her2bench.data.decoding.reading import UnreadableImage, open_image
from her2bench.data.sources.image_files import (
    IMAGE_ENDINGS,
    SLIDE_ENDINGS,
    files_below,
    refuse_other_encodings,
)

LARGEST_TILE = 2048  # BCI's are 1024
_MANIFESTS = {".csv", ".parquet"}


@dataclass
class Inputs:
    """Files by kind: an image whose longer side is above 2048 pixels is a slide."""

    tiles: list[Path] = field(default_factory=list)
    manifests: list[Path] = field(default_factory=list)
    slides: list[Path] = field(default_factory=list)


def find_inputs(inputs: Iterable[Path]) -> Inputs:
    """The inputs by kind; manifests are named themselves, not searched in folders.

    Raises:
        UserError: an input does not exist, or there is no image in any of them.
    """
    inputs = list(inputs)
    found = Inputs(manifests=[path for path in inputs if path.suffix.lower() in _MANIFESTS])
    others = [path for path in inputs if path not in found.manifests]
    for path in find_images(others) if others or not found.manifests else []:
        (found.slides if is_slide(path) else found.tiles).append(path)
    return found


def find_images(inputs: Iterable[Path]) -> list[Path]:
    """The image files in some files and folders (searched recursively), each once, sorted.

    Raises:
        UserError: an input does not exist, or there is no image in any of them.
    """
    found: dict[Path, Path] = {}
    endings = IMAGE_ENDINGS | SLIDE_ENDINGS
    for entry in inputs:
        if not entry.exists():
            raise UserError(entry, found="no such file or folder", hint="check the path")
        with reading(entry):
            inside = [entry]
            if entry.is_dir():
                inside = sorted(p for p in files_below(entry) if p.suffix.lower() in endings)
        for path in inside:
            if path.is_file():  # a link counts as an image with its own name
                found.setdefault(path.parent.resolve() / path.name, path.absolute())
    refuse_other_encodings(found.values())
    if not found:
        raise UserError(
            ", ".join(map(str, inputs)),
            found="no image in it",
            expected=f"files ending in {', '.join(sorted(endings))}",
        )
    return list(found.values())


def is_slide(path: Path) -> bool:
    """Whether an image is a slide: by its ending, or a side above 2048 pixels."""
    if path.suffix.lower() in SLIDE_ENDINGS:
        return True
    try:
        image = open_image(path)
    except UnreadableImage:
        return False  # listed with all other unreadable tiles
    sides = image.width, image.height
    image.close()
    return max(sides) > LARGEST_TILE

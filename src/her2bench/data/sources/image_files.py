"""The files in a folder and below it, and which of them are images."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from her2bench.core.errors import UserError, listed

IMAGE_ENDINGS = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}

SLIDE_ENDINGS = {".bif", ".mrxs", ".ndpi", ".scn", ".svs", ".svslide", ".vms", ".vmu"}


def is_image(path: Path) -> bool:
    """Whether a file's name ends like an image's.

    >>> is_image(Path("a.JPG")), is_image(Path("a.txt"))
    (True, False)
    """
    return path.suffix.lower() in IMAGE_ENDINGS


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and all below it; links are followed, hidden files skipped."""

    def refuse(error: OSError) -> None:
        raise error

    seen = set[str]()
    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(Path(place, name)) not in seen
        ]
        yield from (Path(place, name) for name in files if not name.startswith("."))


def refuse_other_encodings(paths: Iterable[Path]) -> None:
    """Refuse file names that are not UTF-8: a table cannot hold them."""
    odd = [path for path in paths if not _is_utf8(str(path))]
    if odd:
        raise UserError(
            odd[0].parent,
            found=f"{len(odd)} file names that are not UTF-8:{listed(odd)}",
            expected="names in UTF-8, as tables need",
            hint="rename them, or leave them out",
        )


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)

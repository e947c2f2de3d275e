"""Content hashes of files and tiles: the same content gives the same name."""

import json
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from her2bench.core.parallel import follow, workers
from her2bench.data.decoding.unreadable import regular_file

_BLOCK = 1 << 20


def digests(paths: list[str]) -> dict[str, str]:
    """Each file's blake2b, hashed once; a file that cannot be opened has an empty one."""
    with workers() as pool:
        futures = {pool.submit(_digest, Path(path)): path for path in paths}
        follow(futures, "checking images")
        return {path: future.result() for future, path in futures.items()}


def content_key(parts: object) -> str:
    """The name of a JSON value.

    >>> content_key([1, "a"]) == content_key((1, "a")) != content_key([1, "b"])
    True
    """
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def decoders() -> list[str]:
    """The versions that pixels depend on: decoders may round the same JPEG differently."""
    return [version("pillow"), version("openslide-bin")]


def _digest(path: Path) -> str:
    total = blake2b(digest_size=16)
    # A MIRAX slide keeps its pixels in a folder beside it; this file holds that folder's identity.
    for part in (path, path.with_suffix("") / "Slidedat.ini"):
        try:
            if not regular_file(part) or part.stat().st_size == 0:
                continue  # a pipe or a device gives bytes forever, or none
            with part.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    total.update(block)
        except (OSError, ValueError):
            if part == path:
                return ""
    return total.hexdigest()

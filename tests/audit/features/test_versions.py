"""What is kept of three drawn tiles, by version: other values need another version.

After raising a version, `python -m tests.audit.features.test_versions` adds its values to the file.
"""

import json
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from her2bench.audit.features.audited_tile import AuditedTile, Extract, FileFacts
from her2bench.audit.features.quality import QUALITY_FEATURES
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.slides.scanner_features import SCANNER_FEATURES

GOLDEN = Path(__file__).with_name("versions.json")
EXTRACTS = {"quality": QUALITY_FEATURES, "matching": MATCHING_FEATURES, "scanner": SCANNER_FEATURES}
SIZES = ((96, 96), (128, 160), (520, 384))


def drawn(size: tuple[int, int], seed: int) -> np.ndarray:
    """Glass with brown and blue spots: whole numbers only, the same on every machine."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(seed).integers(0, 5, (height, width, 3))
    spots = ((x * x + 3 * y * seed) // 64 + (y * y + x) // 48) % 11
    brown, blue = spots[..., None] < 3, spots[..., None] > 8
    tile = np.where(brown, (150, 105, 70), np.where(blue, (140, 150, 200), (236, 234, 231)))
    return (tile + noise).astype(np.uint8)


def tiles(folder: Path) -> list[AuditedTile]:
    made = []
    for seed, size in enumerate(SIZES, 1):
        path = folder / f"{seed}.jpg"
        path.write_text(f"tile {seed}")
        tables = np.full((2, 64), 7 * seed)
        facts = FileFacts(str(path), "JPEG", "RGB", *size[::-1], 9000, 1.7e9, tables)
        made.append(AuditedTile(drawn(size, seed), facts, None))
    return made


def summary(values: object) -> float:
    """One number that changes with every value."""
    array = np.asarray(values)
    if array.dtype.kind in "US":
        return zlib.crc32(str(array).encode())
    if array.dtype == np.uint64:
        bits = np.unpackbits(array.view(np.uint8)).reshape(-1, 64)
        array = bits.mean(axis=0) / 10  # on another processor a bit may be another
    numbers = array.astype(np.float64).ravel()
    return float(numbers @ np.cos(np.arange(len(numbers))))


def summaries(extract: Extract, folder: Path) -> list[dict[str, float]]:
    return [{k: summary(v) for k, v in extract.take(tile).items()} for tile in tiles(folder)]


@pytest.mark.parametrize("name", EXTRACTS)
def test_other_values_need_another_version(name, tmp_path):
    extract = EXTRACTS[name]
    known = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    assert str(extract.version) in known, "add the values of the new version: see above"
    now = summaries(extract, tmp_path)
    for tile, expected in zip(now, known[str(extract.version)], strict=True):
        assert tile == pytest.approx(expected, rel=1e-4, abs=1e-3), "raise the version"
        assert set(tile) == set(extract.fields)


def add() -> None:
    """Add the values of versions that have none."""
    known = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name, extract in EXTRACTS.items():
            values = known.setdefault(name, {})
            if str(extract.version) not in values:
                values[str(extract.version)] = summaries(extract, Path(folder))
    GOLDEN.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    add()

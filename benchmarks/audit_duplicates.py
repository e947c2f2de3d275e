"""Are duplicates and neighbours found? Planted in phantoms, counted kind by kind.

    python -m benchmarks.audit_duplicates build/duplicates --seed 1        about two minutes
    python -m benchmarks.audit_duplicates build/duplicates --among MANIFEST  in a larger crowd
    python -m benchmarks.audit_duplicates build/duplicates --real FOLDER   and the real tiles there

Draws 2,000 single tiles (256 px, JPEG quality 90) and plants 100 pairs of each kind among them:
copies, copies as PNG, flipped or rotated and compressed again, compressed again (quality 30 to 95),
shifted (the two cut from one field, half of the tile or more in common), overlapping (5 to 40% of
a side, also moved along the side) and exactly adjacent ones. All tiles are separate files. Recall:
the share of planted pairs that is found; right kind: of these, named as what they are; precision:
of all pairs reported as that kind, the share that show or adjoin the same place.

With --among, they lie among the tiles of a manifest besides (of `benchmarks.audit_speed`, say),
whose pairs with one another are not judged. With --real, tiles of the cores there are cut side by
side, without and with separate JPEG files, and the pairs reported are counted against the cut; of
BCI tiles any pair is counted as false.
"""

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from benchmarks.tile_copies import copied, jpeg
from her2bench.audit.features.extraction import observe
from her2bench.audit.matching.duplicates import DUPLICATES
from her2bench.audit.matching.matching_features import MATCHING_FEATURES
from her2bench.audit.matching.neighbours import ADJACENT, OVERLAPPING
from her2bench.audit.matching.pairs import find_pairs
from her2bench.core.manifest import read_manifest
from her2bench.data.decoding.reading import Region, read_tiles
from her2bench.data.sources.images import Tiling, read_labels, tile_images
from her2bench.phantom import PhantomSettings, draw_field, draw_slides

OVERLAPS = (0.05, 0.1, 0.2, 0.4)
SLIDES = 51
Pair = frozenset[int]


@dataclass
class Planted:
    """Files of a data set, and which pairs of them were planted as what."""

    folder: Path
    paths: list[str] = field(default_factory=list)
    pairs: dict[Pair, str] = field(default_factory=dict)

    def add(self, content: bytes, ending: str = "jpg") -> int:
        path = self.folder / f"{len(self.paths):06d}.{ending}"
        path.write_bytes(content)
        self.paths.append(str(path))
        return len(self.paths) - 1

    def plant(self, kind: str, a: int, b: int) -> None:
        self.pairs[frozenset((a, b))] = kind

    def manifest(self) -> pl.DataFrame:
        ids = [Path(path).stem for path in self.paths]
        return pl.DataFrame({"tile_id": ids, "path": self.paths, "score": [0] * len(ids)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiles", type=int, default=2000)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--mpp", type=float, default=0.92)
    parser.add_argument("--among", type=Path, help="manifest of other tiles of the same size")
    parser.add_argument("--real", type=Path, help="folder with her2_tma/ and bci/")
    options = parser.parse_args()
    if options.real:
        _real(options.real, options.folder)
        return
    settings = PhantomSettings(slides=SLIDES, size=options.size, mpp=options.mpp, seed=options.seed)
    planted = _planted(options.folder / f"seed-{options.seed}", settings, options)
    crowd = (
        read_manifest(options.among).select("tile_id", "path", "score") if options.among else None
    )
    _table(planted, crowd)


def _planted(folder: Path, settings: PhantomSettings, options: argparse.Namespace) -> Planted:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rng = np.random.default_rng(settings.seed)
    planted, size = Planted(folder), settings.size
    singles = [planted.add(jpeg(f)) for f in _fields(settings, 0, options.tiles, size, size)]
    rows = rng.permutation(singles)[: 4 * options.planted].reshape(4, -1)
    for kind, originals in zip(DUPLICATES[:4], rows, strict=True):
        for row in originals.tolist():
            content, ending = copied(kind, Path(planted.paths[row]).read_bytes(), rng)
            planted.plant(kind, row, planted.add(content, ending))
    most = size // 4  # so that at least (3/4)² of the tile is in common
    for whole in _fields(settings, 1, options.planted, size + most, size + most):
        first, second = rng.integers(0, most + 1, (2, 2))
        while (first == second).all():
            second = rng.integers(0, most + 1, 2)
        _cut(planted, DUPLICATES[4], whole, size, first, second)
    for number, share in enumerate((*OVERLAPS, 0.0)):
        kind = f"{OVERLAPPING} {share:.0%}" if share else ADJACENT
        common = round(share * size)
        height = size + size // 8
        for whole in _fields(settings, 2 + number, options.planted, height, 2 * size - common):
            moved = rng.integers(0, height - size + 1, 2) if share else np.zeros(2, int)
            picture, corners = whole, [(moved[0], 0), (moved[1], size - common)]
            if rng.random() < 0.5:
                picture, corners = whole.swapaxes(0, 1), [c[::-1] for c in corners]
            _cut(planted, kind, picture, size, *corners)
    return planted


def _cut(planted: Planted, kind: str, whole: np.ndarray, size: int, *corners: np.ndarray) -> None:
    rows = [planted.add(jpeg(whole[y : y + size, x : x + size])) for y, x in corners]
    planted.plant(kind, *rows)


def _fields(
    settings: PhantomSettings, part: int, number: int, height: int, width: int
) -> Iterator[np.ndarray]:
    work = [(settings, part, i, height, width) for i in range(number)]
    with get_context("spawn").Pool(2, threadpool_limits, (1,)) as pool:
        yield from pool.imap(_field, work, chunksize=8)


_SLIDES: dict[int, list] = {}


def _field(work: tuple[PhantomSettings, int, int, int, int]) -> np.ndarray:
    settings, part, i, height, width = work
    slides = _SLIDES.setdefault(settings.seed, []) or draw_slides(settings)
    _SLIDES[settings.seed] = slides
    rng = np.random.default_rng([settings.seed, part, i])
    return draw_field(slides[i % SLIDES], rng, height, width, settings.mpp)[0]


def _found(manifest: pl.DataFrame) -> tuple[dict[Pair, str], float, float]:
    """Kinds of the pairs reported, seconds for looking at the tiles and for the search."""
    start = time.perf_counter()
    observations = observe(manifest, [MATCHING_FEATURES])
    middle = time.perf_counter()
    pairs = find_pairs(observations)
    end = time.perf_counter()
    found: dict[Pair, str] = {}
    for each in (pairs.neighbours, pairs.duplicates):
        for pair, kind in zip(each.pairs.tolist(), each.kind, strict=True):
            found[frozenset(pair)] = str(kind)
    return found, middle - start, end - middle


def _table(planted: Planted, crowd: pl.DataFrame | None) -> None:
    manifest = planted.manifest()
    if crowd is not None:
        manifest = pl.concat([manifest, crowd], how="vertical_relaxed")
    found, looking, searching = _found(manifest)
    others = [kind for pair, kind in found.items() if min(pair) >= len(planted.paths)]
    found = {pair: kind for pair, kind in found.items() if min(pair) < len(planted.paths)}
    print(f"{len(manifest)} tiles: {looking:.1f} s to look at, {searching:.1f} s to search")
    print(f"{'planted':22}{'pairs':>6}{'recall':>8}{'right kind':>12}")
    for kind in dict.fromkeys(planted.pairs.values()):
        pairs = [pair for pair, k in planted.pairs.items() if k == kind]
        kinds = [found[pair] for pair in pairs if pair in found]
        right = np.mean([kind.startswith(k) for k in kinds]) if kinds else np.nan
        print(f"{kind:22}{len(pairs):6}{len(kinds) / len(pairs):8.3f}{right:12.3f}")
    print(f"\n{'reported':22}{'pairs':>6}{'precision':>11}")
    related = _related(planted.pairs)
    for kind in (*DUPLICATES, OVERLAPPING, ADJACENT):
        pairs = [pair for pair, k in found.items() if k == kind]
        good = np.mean([_joined(pair, related) for pair in pairs]) if pairs else np.nan
        print(f"{kind:22}{len(pairs):6}{good:11.3f}")
    if crowd is not None:
        print(f"\namong the others alone: {others.count(ADJACENT)} pairs reported as {ADJACENT}")


def _related(pairs: dict[Pair, str]) -> dict[int, int]:
    """Each planted tile's set: copies of one original are also copies of each other."""
    of: dict[int, int] = {}
    for pair in pairs:
        first = min(pair)
        of |= {row: of.get(first, first) for row in pair}
    return of


def _joined(pair: Pair, related: dict[int, int]) -> bool:
    a, b = pair
    return a in related and related[a] == related.get(b)


def _real(real: Path, folder: Path) -> None:
    for size in (256, 512):
        labels = read_labels(real / "her2_tma" / "labels.csv")
        regions = tile_images(labels, Tiling(tile_size=size))
        _adjacent(regions, f"cores, {size} px regions")
        out = folder / f"cores-{size}"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        _adjacent(_as_files(regions, out), f"cores, {size} px, separate JPEG")
    tiles = sorted((real / "bci").rglob("*.png"))
    table = pl.DataFrame({"tile_id": [t.stem for t in tiles], "path": [str(t) for t in tiles]})
    print(f"BCI, {len(tiles)} tiles: {len(_found(table)[0])} pairs reported")


def _as_files(regions: pl.DataFrame, out: Path) -> pl.DataFrame:
    paths: dict[str, str] = {}
    for (path,), part in regions.group_by("path", maintain_order=True):
        boxes = [Region(*row) for row in part.select("x", "y", "width", "height").iter_rows()]
        for name, rgb in zip(part["tile_id"], read_tiles(str(path), boxes), strict=True):
            assert isinstance(rgb, np.ndarray)
            paths[name] = str(out / f"{name}.jpg")
            Path(paths[name]).write_bytes(jpeg(rgb))
    places = regions.rename({"x": "left", "y": "top"}).drop("width", "height")
    return places.with_columns(path=pl.Series([paths[t] for t in regions["tile_id"]]))


def _adjacent(table: pl.DataFrame, name: str) -> None:
    x, y = ("left", "top") if "left" in table.columns else ("x", "y")
    side = int(name.split()[1])
    place = {(g, a, b): i for i, (g, a, b) in enumerate(table.select("group_id", x, y).iter_rows())}
    steps = ((side, 0), (0, side))
    beside = {
        frozenset((i, place[g, a + dx, b + dy]))
        for (g, a, b), i in place.items()
        for dx, dy in steps
        if (g, a + dx, b + dy) in place
    }
    found, looking, searching = _found(table)
    true = beside & set(found)
    print(
        f"{name}, {len(table)} tiles: recall {len(true) / len(beside):.3f} of {len(beside)}, "
        f"precision {len(true) / max(1, len(found)):.3f}; {looking:.0f} s + {searching:.1f} s"
    )


if __name__ == "__main__":
    main()

"""An estimate of which tiles come from one slide, where group_id is missing."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from her2bench.audit.features.extraction import Observations
from her2bench.audit.slides.clustering import belonging, codes, heaped, settled
from her2bench.audit.slides.embedding import slide_embedding
from her2bench.core.manifest import REGION

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]
_NO_PAIRS = np.zeros((0, 2), np.int64)
_LEAST_BETWEEN = 0.1  # of the variance within: no direction counts as uninformative


@dataclass(frozen=True)
class InferredSlides:
    """An estimate of which tiles come from one slide.

    Attributes:
        group: (n,) codes from 0, in the order of each group's first tile. A tile that could not
            be read is a group of its own.
        confidence: (n,) 0 to 1, how surely the tile belongs to its group and not to another; it
            cannot know of two slides that look the same. 0 for tiles that could not be read.
        slides: number of groups of tiles that could be read.
        quality: mean confidence of the tiles that could be read, 0 to 1.
    """

    group: Ints
    confidence: Floats
    slides: int
    quality: float


def infer_slides(
    observations: Observations,
    pairs: Ints = _NO_PAIRS,
    scores: NDArray | None = None,
    slides: int | None = None,
    seed: int = 0,
) -> InferredSlides:
    """Estimate which tiles come from one slide, by what a slide gives to all its tiles.

    Args:
        observations: of n tiles; holds the fields of `SCANNER_FEATURES`.
        pairs: (k, 2), rows of tiles that are surely of one slide (duplicates, neighbours).
        scores: (n,), where the score is the slide's, as in BCI: tiles of different score then
            cannot be of one slide. Leave it out where tiles were scored one by one.
        slides: the number of slides, where it is known (BCI: 51).
        seed: of the k-means at the start.
    """
    n = len(observations["fingerprint"])
    rows = np.flatnonzero(observations.readable)
    group = np.arange(n) + n  # codes for those that cannot be read, above all others
    confidence = np.zeros(n)
    if len(rows):
        label = (np.zeros(n, np.int64) if scores is None else codes(scores))[rows]
        linked = _linked(n, pairs)[rows]
        places = slide_embedding(observations, rows)
        between = np.maximum(places.var(axis=0) - 1, _LEAST_BETWEEN)
        heap = heaped(places, linked, label, seed)
        group[rows], weight = settled(places, heap, label, between, slides)
        confidence[rows] = belonging(places, group[rows], label, between, weight)
    slides = len(np.unique(group[rows]))
    group = _in_order(group)
    quality = float(confidence[rows].mean()) if len(rows) else 0.0
    return InferredSlides(group, confidence, slides, quality)


def with_inferred_slides(manifest: pl.DataFrame, found: InferredSlides) -> pl.DataFrame:
    """A manifest with the estimate as `group_id` and `group_confidence`, in place of any it had."""
    return manifest.with_columns(
        pl.Series("group_id", [group_name(code) for code in found.group], pl.String),
        pl.Series("group_confidence", found.confidence.round(3)),
    )


def group_name(code: int) -> str:
    """The `group_id` of an estimated slide; no true slide is likely to have this name."""
    return f"estimated-{code:04d}"


def of_one_file(manifest: pl.DataFrame) -> Ints:
    """Pairs of rows (k, 2) that chain the regions cut from each image file."""
    if REGION[0] not in manifest.columns:
        return _NO_PAIRS
    table = manifest.select("path", "x").with_row_index("row").filter(pl.col("x").is_not_null())
    first = table.with_columns(pl.col("row").first().over("path").alias("first"))
    return first.select("first", "row").to_numpy().astype(np.int64)


def _linked(n: int, pairs: Ints) -> Ints:
    """Codes (n,) that are equal for tiles joined by a chain of pairs."""
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _in_order(group: NDArray) -> Ints:
    """Codes 0 to k - 1 by the first row of each."""
    _, first, code = np.unique(group, return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[code]

"""Exact and near duplicates: the same picture twice, whatever was done to its file."""

from dataclasses import dataclass

import numpy as np

from her2bench.audit.context import Evidence, Found
from her2bench.audit.features.extraction import Observations
from her2bench.audit.matching.components import counted, joined, mixed
from her2bench.audit.matching.overlaps import Overlaps, find_overlaps
from her2bench.audit.matching.shared_search import remembered
from her2bench.audit.matching.thumbnails import similar_looks
from her2bench.core.audit_findings import Finding, Severity
from her2bench.core.text import plural

SAME_BYTES, SAME_PIXELS, RECOMPRESSED = "same bytes", "same pixels", "re-compressed"
TURNED, SHIFTED = "flipped or rotated", "shifted"
DUPLICATES = (SAME_BYTES, SAME_PIXELS, RECOMPRESSED, TURNED, SHIFTED)
LEAST_SHARED = 0.5
"""Share of the tile from which a common part makes two tiles duplicates, not neighbours."""
_LEAST_SHIFT = 0.5  # pixels at full resolution
_FLAT = 1  # grey levels from the darkest to the lightest field: nothing to be a duplicate of


@dataclass(frozen=True)
class Duplicates:
    """Pairs of tiles that show the same picture.

    Of many copies of one file only the pairs with the first are named, so that the number of
    pairs stays near the number of copies: join pairs (connected components) to get whole sets.

    Attributes:
        pairs: (k, 2) int64, rows of the manifest, the first less than the second.
        kind: (k,) text, one of `DUPLICATES`.
        symmetry: (k,) int, 0 to 7: how the second must be turned to lie on the first
            (`looks.turned`); 0 is not at all.
        offset: (k, 2) float, x and y in pixels at full resolution: where the second tile's upper
            left corner lies in the first tile; 0 unless shifted.
        shared: (k,) float, 0 to 1: share of the tile that both show.
        confidence: (k,) float, 0 to 1: 1 where bytes or pixels are identical, the correlation of
            the two pictures where they are altered, the share of landmarks found again where
            shifted.
    """

    pairs: np.ndarray
    kind: np.ndarray
    symmetry: np.ndarray
    offset: np.ndarray
    shared: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Copies:
    """Identical files and pixels, and one tile of each picture: all that a search must look at.

    Attributes:
        pairs: (k, 2) int64, the first of each set with each other of it.
        bytes_alike: (k,) bool, the files are the same; else only the pixels.
        single: (m,) int64, rows: every picture once; unreadable tiles are left out.
    """

    pairs: np.ndarray
    bytes_alike: np.ndarray
    single: np.ndarray


@remembered
def find_copies(observations: Observations) -> Copies:
    """The tiles whose bytes or pixels are identical."""
    readable = np.ones(len(observations["pixel_digest"]), bool)
    readable[list(observations.bad)] = False
    rows = np.flatnonzero(readable)
    looks = observations["look"]
    flat = (looks.max((1, 2)) - looks.min((1, 2)) <= _FLAT)[rows]
    pixels = observations["pixel_digest"][rows].view("V16").ravel()
    _, first, of = np.unique(pixels, return_index=True, return_inverse=True)
    original = rows[first[of.ravel()]]
    copied = (original != rows) & ~flat
    pairs = np.stack([original[copied], rows[copied]], axis=1)
    files = observations["file_digest"]
    alike = (files[pairs[:, 0]] == files[pairs[:, 1]]).all(1) & files[pairs[:, 0]].any(1)
    return Copies(pairs, alike, np.unique(original))


@remembered
def find_common_parts(observations: Observations) -> Overlaps:
    """The overlaps of all pictures that differ."""
    return find_overlaps(observations, find_copies(observations).single)


@remembered
def find_duplicates(observations: Observations) -> Duplicates:
    """All pairs of tiles that show the same picture (shifted: at least half of it).

    Args:
        observations: with the fields of `SIGNATURES`.
    """
    copies = find_copies(observations)
    exact = _exact(copies)
    overlaps = find_common_parts(observations)
    near, symmetry, agreement = similar_looks(observations["look"][copies.single])
    near = copies.single[near]
    large = (overlaps.shared >= LEAST_SHARED) & (
        np.abs(overlaps.offset).max(1, initial=0) >= _LEAST_SHIFT
    )
    shifted = _shifted(overlaps, large)
    n = len(observations["look"])
    moved = np.isin(_keys(near, n), _keys(overlaps.pairs[large], n)) & (symmetry == 0)
    looks = _looks(near[~moved], symmetry[~moved], agreement[~moved])
    return Duplicates(*(np.concatenate(parts) for parts in zip(exact, looks, shifted, strict=True)))


_Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _exact(copies: Copies) -> _Columns:
    k = len(copies.pairs)
    kind = np.where(copies.bytes_alike, SAME_BYTES, SAME_PIXELS)
    return copies.pairs, kind, np.zeros(k, int), np.zeros((k, 2)), np.ones(k), np.ones(k)


def _looks(pairs: np.ndarray, symmetry: np.ndarray, agreement: np.ndarray) -> _Columns:
    k = len(pairs)
    kind = np.where(symmetry > 0, TURNED, RECOMPRESSED)
    return pairs, kind, symmetry, np.zeros((k, 2)), np.ones(k), np.clip(agreement, 0, 1)


def _shifted(overlaps: Overlaps, large: np.ndarray) -> _Columns:
    k = int(large.sum())
    return (
        overlaps.pairs[large],
        np.full(k, SHIFTED),
        np.zeros(k, int),
        overlaps.offset[large],
        overlaps.shared[large],
        overlaps.share[large],
    )


def _keys(pairs: np.ndarray, n: int) -> np.ndarray:
    return pairs[:, 0] * n + pairs[:, 1]


_FLAWS: dict[str, tuple[Severity, str, str, str]] = {
    "duplicates_across_splits": (
        "serious",
        "in more than one split",
        "Networks are asked about pictures that they were trained on: the scores of these tiles "
        "tell what was memorised, and flatter every model.",
        "Drop all but one tile of each set, or keep each set in one split.",
    ),
    "duplicates_with_different_scores": (
        "serious",
        "with different scores",
        "All but one of the scores of such a picture are wrong: learned from, they are noise, and "
        "no model can answer all of them right.",
        "Find out which score is right and drop the other tiles; if it cannot be told, drop all.",
    ),
    "duplicates_across_slides": (
        "warning",
        "under different group_id",
        "Slides taken to be independent are not: a split by slides puts one picture on both sides, "
        "and intervals come out too narrow.",
        "If the slides are one, give them one group_id; else find the wrong rows and drop them.",
    ),
    "duplicates": (
        "warning",
        "more than once",
        "They count double in training and in every score, and intervals come out too narrow; "
        "where tiles are split at random, copies come to lie on both sides.",
        "Keep one tile of each set.",
    ),
}


def check_duplicates(evidence: Evidence) -> Found:
    """Duplicates as findings: across splits, with different scores, across slides, and the rest."""
    found = find_duplicates(evidence.observations)
    sets = joined(found.pairs, found.confidence)
    facts = (evidence.split, evidence.manifest["score"].to_numpy(), evidence.groups)
    flaws = [[mixed(fact, rows) for rows in sets] for fact in facts]
    flaws.append([not any(each) for each in zip(*flaws, strict=True)])
    findings = [
        _finding(evidence, name, [s for s, bad in zip(sets, about, strict=True) if bad], found)
        for name, about in zip(_FLAWS, flaws, strict=True)
        if any(about)
    ]
    pairs = {f"pairs of tiles, {kind}": float((found.kind == kind).sum()) for kind in DUPLICATES}
    return Found(tuple(findings), {**pairs})


def _finding(evidence: Evidence, name: str, sets: list[np.ndarray], found: Duplicates) -> Finding:
    severity, where, effect, cure = _FLAWS[name]
    inside = np.isin(found.pairs[:, 0], np.concatenate(sets))
    ids = evidence.tile_ids
    number = len(sets)
    return Finding(
        kind=name,
        severity=severity,
        title=f"{number} {plural(number, 'picture stands', 'pictures stand')} {where} "
        f"(pairs: {counted(found.kind[inside], DUPLICATES)})",
        number=number,
        unit="pictures",
        effect=effect,
        cure=cure,
        tiles=tuple(tuple(ids[row] for row in rows) for rows in sets),
        slides=evidence.slides_of(np.concatenate(sets)),
        rank=100 * sum(map(len, sets)) / len(ids),
    )

"""Images: broken, misnamed, of odd size or kind, blank, burnt out, out of focus, oddly stained."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from her2bench.audit.checks.outlier_slides import odd_slides
from her2bench.audit.context import Evidence, Found
from her2bench.audit.features.extraction import Observations
from her2bench.core.audit_findings import Finding, Severity
from her2bench.core.text import plural

EMPTY_TISSUE = 0.02  # share of a tile
CLIPPED = 0.2  # share of the tissue; tissue beside pure white glass comes to a tenth
BLURRED = -1.15
"""Log ratio of contrast over 2 and 4 pixels (`measures.sharpness`) below which a tile is out of
focus: a blur of 2 pixels and more; in-focus tiles of three scanners lie above -1.1, and pure
slopes at -1.39 (`python -m benchmarks.audit_checks`)."""
PINK = -0.04
"""Optical density left over by haematoxylin and DAB below which something else has stained:
eosin leaves about -0.1, IHC tiles lie above 0."""
_DENSE = 0.02  # share of the tile that must be dense for its stain to be told
_FEW = 0.02  # share of tiles up to which blank or blurred ones are a note
_OTHER = 0.05  # relative difference of size that counts
_MOST_SIZES = 50  # sizes among which the usual one is sought
_MOST_REASONS = 3
_DETAILS = re.compile(
    r" \([^()]*\d[^()]*\)| of \d+ x \d+ pixels|^\d+ x \d+ pixels is |( \w+=\d+)+|: '[^']*'$"
)
"""What differs from file to file in the reason why it cannot be read: bytes, sizes, places."""
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"),
    "TIFF": (".tif", ".tiff", ".svs", ".ndpi", ".scn", ".bif", ".btf"),
    "BMP": (".bmp", ".dib"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
}


@dataclass(frozen=True)
class _Fault:
    """A fault of single tiles: how to see it, and what to say of it, of one tile and of more."""

    kind: str
    told: tuple[str, str]
    seen: Callable[[Observations, np.ndarray], np.ndarray]
    effect: str
    cure: str


_FAULTS = (
    _Fault(
        "blank_tiles",
        ("holds no tissue", "hold no tissue"),
        lambda o, rows: o["tissue"][rows] < EMPTY_TISSUE,
        "empty glass is trained on and judged under its slide's label",
        "leave them out by a rule fixed beforehand",
    ),
    _Fault(
        "burnt_out_tiles",
        (
            "is burnt out or blackened: much of its tissue is pure white or black",
            "are burnt out or blackened: much of their tissue is pure white or black",
        ),
        lambda o, rows: o["clipped"][rows] > CLIPPED,
        "the amount of stain cannot be told there",
        "scan or export them again with another exposure, or leave them out",
    ),
    _Fault(
        "out_of_focus_tiles",
        ("is out of focus", "are out of focus"),
        lambda o, rows: (o["sharpness"][rows, 1] < BLURRED) & (o["tissue"][rows] > EMPTY_TISSUE),
        "membranes, on which the score rests, cannot be seen there",
        "scan them again, or leave them out by a rule fixed beforehand",
    ),
    _Fault(
        "strange_stain",
        (
            "is stained with something else than haematoxylin and DAB, perhaps eosin",
            "are stained with something else than haematoxylin and DAB, perhaps eosin",
        ),
        lambda o, rows: (o["pink"][rows] < PINK) & (o["dense"][rows] > _DENSE),
        "another staining says nothing of HER2, and tells its tiles from all others",
        "take these tiles out, or check that they are IHC",
    ),
)


def check_images(evidence: Evidence) -> Found:
    """All faults of images; slides unlike all others come from `odd_slides`."""
    rows = np.flatnonzero(evidence.readable)
    findings = _broken(evidence)
    unreadable = Counter(map(_plain, evidence.observations.bad.values()))
    measured: dict[str, float | str | None] = {
        f"unreadable tiles, {reason}": k for reason, k in unreadable.most_common()
    }
    if not len(rows):
        return Found(tuple(findings), measured)
    findings += [*_misnamed(evidence, rows), *_sizes(evidence, rows), *_modes(evidence, rows)]
    for fault in _FAULTS:
        found = rows[fault.seen(evidence.observations, rows)]
        if len(found):
            findings.append(_fault(evidence, fault, found, len(rows)))
    findings += odd_slides(evidence, rows)
    return Found(tuple(findings), measured)


def _broken(evidence: Evidence) -> list[Finding]:
    bad, n = evidence.observations.bad, len(evidence.target)
    if not bad:
        return []
    reasons = Counter(map(_plain, bad.values())).most_common()
    told = [f"{reason}: {k}" for reason, k in reasons[:_MOST_REASONS]]
    told += ["and others"] if len(reasons) > _MOST_REASONS else []
    return [
        Finding(
            kind="unreadable_images",
            severity="serious" if len(bad) > _FEW * n else "warning",
            title=f"{len(bad)} of {n} {plural(n, 'tile')} cannot be read ({', '.join(told)})",
            number=len(bad),
            unit="tiles",
            effect="a comparison stops at them, or leaves them out with --skip-bad; which slides "
            "lose tiles is then left to chance",
            cure="get these files again, or remove their rows from the manifest",
            tiles=_alone(evidence, np.array(sorted(bad))),
            rank=100 * len(bad) / n,
        )
    ]


def _plain(reason: str) -> str:
    """The kind of a reason, without what differs from file to file.

    >>> _plain("image file is truncated (49 bytes not processed)")
    'image file is truncated'
    >>> _plain("[Errno 13] Permission denied: '/tiles/a.png'")
    '[Errno 13] Permission denied'
    """
    return _DETAILS.sub("", reason)


def _misnamed(evidence: Evidence, rows: np.ndarray) -> list[Finding]:
    formats = evidence.observations["format"][rows]
    endings = np.array([Path(evidence.manifest["path"][int(row)]).suffix.lower() for row in rows])
    found = []
    for form, ending in sorted(set(zip(formats.tolist(), endings.tolist(), strict=True))):
        if ending in _ENDINGS.get(form, (ending,)):
            continue
        here = (formats == form) & (endings == ending)
        named = f"named {ending}" if ending else "without an ending"
        lossy = (
            " They look lossless and are not: JPEG has blurred fine detail."
            if (form, ending) == ("JPEG", ".png")
            else ""
        )
        found.append(
            Finding(
                kind="wrong_extension",
                severity="note",
                title=_files(int(here.sum()), named, form),
                number=int(here.sum()),
                unit="tiles",
                effect=f"tools that go by the ending fail on them; this one does not.{lossy}",
                cure="none needed here; rename them for other tools",
                tiles=_alone(evidence, rows[here]),
                rank=100 * here.mean(),
            )
        )
    return found


def _files(number: int, named: str, form: str) -> str:
    return f"{number} {plural(number, 'file')} {named} {plural(number, 'holds', 'hold')} {form}"


def _sizes(evidence: Evidence, rows: np.ndarray) -> list[Finding]:
    """Tiles of another size than most, in µm where that is known, and stretched ones."""
    size, unit = evidence.observations["size"][rows].astype(np.float64), "px"
    if "mpp" in evidence.manifest.columns:
        mpp = evidence.manifest["mpp"].to_numpy()[rows].astype(np.float64)
        if np.isfinite(mpp).all():
            size, unit = size * mpp[:, None], "µm"
    usual = _usual(size)
    odd = (np.abs(size / usual - 1) > _OTHER).any(axis=1)
    stretched = np.abs(np.log(size[:, 0] / size[:, 1])) > _OTHER
    if not (odd | stretched).any():
        return []
    odd |= stretched
    number, these, most = int(odd.sum()), _range(size[odd]), _range(usual[None])
    against = "" if these == most else f" against {most} {unit}"
    return [
        Finding(
            kind="odd_sizes",
            severity="warning",
            title=f"{_of(number, len(rows), 'is', 'are')} not square or "
            f"{plural(number, 'covers', 'cover')} another area than most "
            f"({these} {unit}{against})",
            number=number,
            unit="tiles",
            effect="all are brought to one square: cells then have another size or shape in these",
            cure="cut all tiles to one square size at one µm/pixel",
            tiles=_alone(evidence, rows[odd]),
            rank=100 * odd.mean(),
        )
    ]


def _usual(size: np.ndarray) -> np.ndarray:
    """The (height, width) of (n, 2) sizes that most tiles have, but for little; of two, the larger.

    >>> _usual(np.array([(128, 128), (256, 256), (128, 128), (256, 256)])).tolist()
    [256, 256]
    """
    sizes, tiles = np.unique(size, axis=0, return_counts=True)
    first = np.lexsort((sizes.prod(axis=1), tiles))[::-1][:_MOST_SIZES]
    # Where µm/pixel differs a little from slide to slide, hardly two tiles are of one size.
    near = [tiles[(np.abs(sizes / sizes[i] - 1) <= _OTHER).all(axis=1)].sum() for i in first]
    return sizes[first[int(np.argmax(near))]]


def _range(size: np.ndarray) -> str:
    low, high = size.min(axis=0), size.max(axis=0)
    if np.allclose(low, high):
        return f"{low[1]:.4g} x {low[0]:.4g}"
    return f"{low[1]:.4g} to {high[1]:.4g} x {low[0]:.4g} to {high[0]:.4g}"


def _modes(evidence: Evidence, rows: np.ndarray) -> list[Finding]:
    modes = evidence.observations["mode"][rows]
    odd = (modes != "RGB") & (modes != "")
    if not odd.any():
        return []
    held = ", ".join(f"{mode}: {n}" for mode, n in Counter(modes[odd].tolist()).most_common())
    grey = np.isin(modes, ("1", "L", "LA", "F")) | np.char.startswith(modes, "I")
    return [
        Finding(
            kind="odd_modes",
            severity="warning" if grey.any() or not odd.all() else "note",
            title=f"{_of(int(odd.sum()), len(rows), 'is', 'are')} not plain RGB ({held})",
            number=int(odd.sum()),
            unit="tiles",
            effect="grey tiles hold no stain colour; palettes and transparency are turned into "
            "RGB, which shifts colours a little",
            cure="export these tiles again as 8-bit RGB, as the others",
            tiles=_alone(evidence, rows[odd]),
            rank=100 * odd.mean(),
        )
    ]


def _fault(evidence: Evidence, fault: _Fault, found: np.ndarray, looked_at: int) -> Finding:
    share = len(found) / looked_at
    severity: Severity = "note" if share <= _FEW and fault.kind != "strange_stain" else "warning"
    return Finding(
        kind=fault.kind,
        severity=severity,
        title=_of(len(found), looked_at, *fault.told),
        number=len(found),
        unit="tiles",
        effect=fault.effect,
        cure=fault.cure,
        tiles=_alone(evidence, found),
        rank=100 * share,
    )


def _of(number: int, looked_at: int, one: str, many: str) -> str:
    """`1 of 20 tiles holds …`: a number of tiles, and what is so of them."""
    return f"{number} of {looked_at} {plural(looked_at, 'tile')} {plural(number, one, many)}"


def _alone(evidence: Evidence, rows: np.ndarray) -> tuple[tuple[str, ...], ...]:
    return tuple((evidence.tile_ids[int(row)],) for row in rows)

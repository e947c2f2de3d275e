"""Images: broken, misnamed, of odd size or kind, blank, burnt out, out of focus, oddly stained."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from her2bench.core.findings import Finding, Severity
from her2bench.data.audit.evidence import Evidence, Found
from her2bench.data.audit.observations import Observations
from her2bench.data.audit.odd_slides import odd_slides

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
    """A fault of single tiles: how to see it, and what to say of it."""

    kind: str
    told: str
    seen: Callable[[Observations, np.ndarray], np.ndarray]
    effect: str
    cure: str


_FAULTS = (
    _Fault(
        "blank_tiles",
        "hold no tissue",
        lambda o, rows: o["tissue"][rows] < EMPTY_TISSUE,
        "empty glass is trained on and judged under its slide's label",
        "leave them out by a rule fixed beforehand",
    ),
    _Fault(
        "burnt_out_tiles",
        "are burnt out or blackened: much of their tissue is pure white or black",
        lambda o, rows: o["clipped"][rows] > CLIPPED,
        "the amount of stain cannot be told there",
        "scan or export them again with another exposure, or leave them out",
    ),
    _Fault(
        "out_of_focus_tiles",
        "are out of focus",
        lambda o, rows: (o["sharpness"][rows, 1] < BLURRED) & (o["tissue"][rows] > EMPTY_TISSUE),
        "membranes, on which the score rests, cannot be seen there",
        "scan them again, or leave them out by a rule fixed beforehand",
    ),
    _Fault(
        "strange_stain",
        "are stained with something else than haematoxylin and DAB, perhaps eosin",
        lambda o, rows: (o["pink"][rows] < PINK) & (o["dense"][rows] > _DENSE),
        "another staining says nothing of HER2, and tells its tiles from all others",
        "take these tiles out, or check that they are IHC",
    ),
)


def check_images(evidence: Evidence) -> Found:
    """All faults of images; slides unlike all others come from `odd_slides`."""
    rows = np.flatnonzero(evidence.readable)
    findings = _broken(evidence)
    if not len(rows):
        return Found(tuple(findings))
    findings += [*_misnamed(evidence, rows), *_sizes(evidence, rows), *_modes(evidence, rows)]
    for fault in _FAULTS:
        found = rows[fault.seen(evidence.observations, rows)]
        if len(found):
            findings.append(_fault(evidence, fault, found, len(rows)))
    if evidence.groups is not None:
        findings += odd_slides(evidence, rows)
    return Found(tuple(findings))


def _broken(evidence: Evidence) -> list[Finding]:
    bad, n = evidence.observations.bad, len(evidence.target)
    if not bad:
        return []
    reasons = ", ".join(f"{reason}: {k}" for reason, k in Counter(bad.values()).most_common(3))
    return [
        Finding(
            kind="unreadable_images",
            severity="serious" if len(bad) > _FEW * n else "warning",
            title=f"{len(bad)} of {n} tiles cannot be read ({reasons})",
            number=len(bad),
            unit="tiles",
            effect="a comparison stops at them, or leaves them out with --skip-bad; which slides "
            "lose tiles is then left to chance",
            cure="get these files again, or remove their rows from the manifest",
            tiles=_alone(evidence, np.array(sorted(bad))),
            rank=100 * len(bad) / n,
        )
    ]


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
                title=f"{int(here.sum())} files {named} hold {form}",
                number=int(here.sum()),
                unit="tiles",
                effect=f"tools that go by the ending fail on them; this one does not.{lossy}",
                cure="none needed here; rename them for other tools",
                tiles=_alone(evidence, rows[here]),
                rank=100 * here.mean(),
            )
        )
    return found


def _sizes(evidence: Evidence, rows: np.ndarray) -> list[Finding]:
    """Tiles of another size than most, in µm where that is known, and stretched ones."""
    size = evidence.observations["size"][rows].astype(np.float64)
    if "mpp" in evidence.manifest.columns:
        mpp = evidence.manifest["mpp"].to_numpy()[rows].astype(np.float64)
        if np.isfinite(mpp).all():
            size = size * mpp[:, None]
    usual = np.median(size, axis=0)
    odd = (np.abs(size / usual - 1) > _OTHER).any(axis=1)
    stretched = np.abs(np.log(size[:, 0] / size[:, 1])) > _OTHER
    if not (odd | stretched).any():
        return []
    odd |= stretched
    return [
        Finding(
            kind="odd_sizes",
            severity="warning",
            title=f"{int(odd.sum())} of {len(rows)} tiles are not square or cover another area "
            f"than most ({_range(size[odd])} against {usual[1]:.4g} x {usual[0]:.4g})",
            number=int(odd.sum()),
            unit="tiles",
            effect="all are brought to one square: cells then have another size or shape in these",
            cure="cut all tiles to one square size at one µm/pixel",
            tiles=_alone(evidence, rows[odd]),
            rank=100 * odd.mean(),
        )
    ]


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
            title=f"{int(odd.sum())} of {len(rows)} tiles are not plain RGB ({held})",
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
        title=f"{len(found)} of {looked_at} tiles {fault.told}",
        number=len(found),
        unit="tiles",
        effect=fault.effect,
        cure=fault.cure,
        tiles=_alone(evidence, found),
        rank=100 * share,
    )


def _alone(evidence: Evidence, rows: np.ndarray) -> tuple[tuple[str, ...], ...]:
    return tuple((evidence.tile_ids[int(row)],) for row in rows)

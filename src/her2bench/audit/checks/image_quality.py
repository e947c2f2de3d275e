"""Images: unreadable, misnamed, of unusual size or mode, blank, clipped, blurred, other stains."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from her2bench.audit.checks.file_findings import alone, file_findings, share_of
from her2bench.audit.checks.outlier_slides import outlier_slides
from her2bench.audit.context import AuditContext, CheckResult
from her2bench.audit.features.extraction import Observations
from her2bench.core.audit_findings import Finding, Severity
from her2bench.core.text import plural

EMPTY_TISSUE = 0.02  # share of a tile
CLIPPED = 0.2  # share of the tissue; tissue beside pure white glass reaches a tenth
BLURRED = -1.15
"""Log ratio of contrast over 2 and 4 pixels (`measures.sharpness`) below which a tile is out of
focus: a blur of 2 pixels and more; in-focus tiles of three scanners lie above -1.1, and pure
slopes at -1.39 (`python -m benchmarks.audit_checks`)."""
PINK = -0.04
"""Optical density left over by haematoxylin and DAB below which something else has stained:
eosin leaves about -0.1, IHC tiles lie above 0."""
_DENSE = 0.02  # share of the tile that must be dense to identify its stain
_FEW = 0.02  # share of tiles up to which blank or blurred ones are a note
_MOST_REASONS = 3
_DETAILS = re.compile(
    r" \([^()]*\d[^()]*\)| of \d+ x \d+ pixels|^\d+ x \d+ pixels is |( \w+=\d+)+|: '[^']*'$"
)
"""What differs from file to file in the reason why it cannot be read: bytes, sizes, places."""


@dataclass(frozen=True)
class _Fault:
    """A fault of single tiles: how to detect it, and its title for one tile and for more."""

    kind: str
    title: tuple[str, str]
    seen: Callable[[Observations, np.ndarray], np.ndarray]
    effect: str
    hint: str


_FAULTS = (
    _Fault(
        "blank_tiles",
        ("holds no tissue", "hold no tissue"),
        lambda o, rows: o["tissue"][rows] < EMPTY_TISSUE,
        "empty glass is trained on and scored under its slide's label",
        "leave them out by a rule fixed beforehand",
    ),
    _Fault(
        "burnt_out_tiles",
        (
            "is burnt out or blackened: much of its tissue is pure white or black",
            "are burnt out or blackened: much of their tissue is pure white or black",
        ),
        lambda o, rows: o["clipped"][rows] > CLIPPED,
        "the amount of stain cannot be measured there",
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
        "another stain says nothing about HER2 and distinguishes its tiles from all others",
        "take these tiles out, or check that they are IHC",
    ),
)


def check_images(evidence: AuditContext) -> CheckResult:
    """All faults of images; slides unlike all others come from `outlier_slides`."""
    rows = np.flatnonzero(evidence.readable)
    findings = _broken(evidence)
    unreadable = Counter(map(_plain, evidence.observations.bad.values()))
    measured: dict[str, float | str | None] = {
        f"unreadable tiles, {reason}": k for reason, k in unreadable.most_common()
    }
    if not len(rows):
        return CheckResult(tuple(findings), measured)
    findings += file_findings(evidence, rows)
    for fault in _FAULTS:
        found = rows[fault.seen(evidence.observations, rows)]
        if len(found):
            findings.append(_fault(evidence, fault, found, len(rows)))
    findings += outlier_slides(evidence, rows)
    return CheckResult(tuple(findings), measured)


def _broken(evidence: AuditContext) -> list[Finding]:
    bad, n = evidence.observations.bad, len(evidence.target)
    if not bad:
        return []
    reasons = Counter(map(_plain, bad.values())).most_common()
    listed = [f"{reason}: {k}" for reason, k in reasons[:_MOST_REASONS]]
    listed += ["and others"] if len(reasons) > _MOST_REASONS else []
    return [
        Finding(
            kind="unreadable_images",
            severity="serious" if len(bad) > _FEW * n else "warning",
            title=f"{len(bad)} of {n} {plural(n, 'tile')} cannot be read ({', '.join(listed)})",
            number=len(bad),
            unit="tiles",
            effect="a comparison stops at them, or leaves them out with --skip-bad; which slides "
            "lose tiles then depends on chance",
            hint="get these files again, or remove their rows from the manifest",
            tiles=alone(evidence, np.array(sorted(bad))),
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


def _fault(evidence: AuditContext, fault: _Fault, found: np.ndarray, looked_at: int) -> Finding:
    share = len(found) / looked_at
    severity: Severity = "note" if share <= _FEW and fault.kind != "strange_stain" else "warning"
    return Finding(
        kind=fault.kind,
        severity=severity,
        title=share_of(len(found), looked_at, *fault.title),
        number=len(found),
        unit="tiles",
        effect=fault.effect,
        hint=fault.hint,
        tiles=alone(evidence, found),
        rank=100 * share,
    )

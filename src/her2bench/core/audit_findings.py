"""What an audit found: the contract of `audit.json`, between the audit and the report."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from her2bench.core.atomic_io import reading, replacing
from her2bench.core.errors import UserError

Severity = Literal["serious", "warning", "note"]
TOO_FEW = "fewer than two tiles can be read"
"""Why a check is left out where there are hardly any pixels to look at."""
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")


class Finding(BaseModel):
    """One thing in the data that would mislead a comparison.

    Attributes:
        kind: the check's own name of it, e.g. `near_duplicates_across_splits`.
        severity: `serious` makes results wrong, `warning` makes them doubtful, `note` is good
            to know.
        title: one sentence that holds the number.
        number: the number it rests on.
        unit: what the number counts or measures, e.g. `pairs of tiles`, `ROC-AUC`.
        effect: what it would do to a comparison.
        cure: what to do about it.
        tiles: the tiles it is about, worst first, in sets that belong together (a pair of
            duplicates is one set; a tile alone is a set of one).
        places: for each set of `tiles`, where each tile's upper left corner lies beside the
            first's, (x, y) in widths and heights of the first; empty where that means nothing.
        slides: the slides (group_id) it is about.
        rank: orders findings of the same severity, the worst highest: 0 to 100, mostly the percent
            of tiles or slides concerned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    severity: Severity
    title: str
    number: float
    unit: str
    effect: str
    cure: str
    tiles: tuple[tuple[str, ...], ...] = ()
    places: tuple[tuple[tuple[float, float], ...], ...] = ()
    slides: tuple[str, ...] = ()
    rank: float = 0.0


class Audit(BaseModel):
    """All findings, worst first, and what was looked at.

    Attributes:
        manifest: the audited table's path, as given.
        endpoint: what counts as positive.
        tiles: number of tiles looked at.
        findings: worst first.
        clean: names of the checks that found nothing.
        left_out: checks that could not be made, each with the reason.
        measured: numbers worth knowing even where nothing is wrong (e.g. the ROC-AUC of the DAB
            percentiles, the detectable difference), by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: str
    endpoint: str
    tiles: int
    findings: tuple[Finding, ...] = ()
    clean: tuple[str, ...] = ()
    left_out: dict[str, str] = {}
    measured: dict[str, float | str | None] = {}

    @property
    def unseen(self) -> bool:
        """Whether checks were not made for want of readable tiles: no finding says nothing then."""
        return any(TOO_FEW in why for why in self.left_out.values())


def worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then by rank."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.rank, f.kind)))


def write_audit(audit: Audit, path: Path) -> None:
    """Write audit.json, whole or not at all."""
    with replacing(Path(path)) as temporary:
        temporary.write_text(audit.model_dump_json(indent=2), encoding="utf-8", newline="\n")


def read_audit(path: Path) -> Audit:
    """Read audit.json.

    Raises:
        UserError: it is not there or damaged.
    """
    try:
        with reading(path):
            return Audit.model_validate_json(Path(path).read_bytes())
    except ValidationError as error:
        raise UserError(
            path,
            found=f"no audit as `her2bench audit` writes it ({error.errors()[0]['msg']})",
            cure="delete it and run the audit again",
        ) from error

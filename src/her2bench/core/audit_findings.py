"""What an audit found: the contract of `audit.json`, between the audit and the report."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from her2bench.core.atomic_io import reading, replacing
from her2bench.core.errors import UserError

SCHEMA = 1
"""The form of `audit.json`; raised when keys change their name or meaning."""
Severity = Literal["serious", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")
Reason = Literal["too_few_tiles", "slides_unknown", "no_split", "one_class"]
"""Why a check is left out."""
Measured = dict[str, float | str | None]
OPTIMISTIC = {
    "groups_on_both_sides",
    "duplicates_across_splits",
    "neighbours_across_splits",
    "hidden_slides_on_both_sides",
}
"""Kinds of findings that make every score optimistic for new slides."""


class Finding(BaseModel):
    """One thing in the data that would mislead a comparison.

    Attributes:
        kind: the check's own name of it, e.g. `near_duplicates_across_splits`.
        severity: `serious` makes results wrong, `warning` makes them doubtful, `note` is good
            to know.
        title: one sentence that holds the number.
        number: the number it rests on.
        unit: what the number counts or measures, e.g. `pairs of tiles`, `ROC-AUC`.
        effect: the effect on a comparison.
        hint: what to do about it.
        tiles: the tiles it is about, most severe first, in sets that belong together (a pair of
            duplicates is one set; a tile alone is a set of one).
        places: for each set of `tiles`, where each tile's upper left corner lies beside the
            first's, (x, y) in widths and heights of the first; empty where that means nothing.
        slides: the slides (group_id) it is about.
        rank: orders findings of one severity, the most severe highest: 0 to 100, mostly the percent
            of tiles or slides concerned.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    severity: Severity
    title: str
    number: float
    unit: str
    effect: str
    hint: str
    tiles: tuple[tuple[str, ...], ...] = ()
    places: tuple[tuple[tuple[float, float], ...], ...] = ()
    slides: tuple[str, ...] = ()
    rank: float = 0.0

    @property
    def optimistic(self) -> bool:
        return self.kind in OPTIMISTIC


class LeftOut(BaseModel):
    """A check that could not be made, or only in part: its name, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    kind: Reason
    text: str


class Audit(BaseModel):
    """All findings, most severe first, and what was checked.

    Attributes:
        schema_number: `schema` in the file: the form of the file.
        manifest: the audited table's path, as given.
        endpoint: what counts as positive.
        tiles: number of tiles checked.
        findings: most severe first.
        clean: names of the checks that found nothing.
        left_out: checks that could not be made.
        measured: numbers worth knowing even where nothing is wrong (e.g. the ROC-AUC of the DAB
            percentiles, the detectable difference), by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_number: Literal[1] = Field(default=SCHEMA, alias="schema")
    manifest: str
    endpoint: str
    tiles: int
    findings: tuple[Finding, ...] = ()
    clean: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    measured: Measured = {}

    @property
    def unseen(self) -> bool:
        """Whether too few tiles can be read for all checks: no finding then says nothing."""
        return any(each.kind == "too_few_tiles" for each in self.left_out)


def worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then by rank."""
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.rank, f.kind)))


def write_audit(audit: Audit, path: Path) -> None:
    """Write audit.json, whole or not at all."""
    with replacing(Path(path)) as temporary:
        temporary.write_text(
            audit.model_dump_json(indent=2, by_alias=True), encoding="utf-8", newline="\n"
        )


def read_audit(path: Path) -> Audit:
    """Read audit.json.

    Raises:
        UserError: it is not there, damaged, or of another schema.
    """
    hint = "delete it and run the audit again"
    try:
        with reading(path):
            content = Path(path).read_bytes()
        schema = _Schema.model_validate_json(content).schema_number
        if schema != SCHEMA:
            found = "no schema number" if schema is None else f"schema {schema}"
            expected = f"schema {SCHEMA}, as this version of her2bench writes it"
            raise UserError(path, found=found, expected=expected, hint=hint)
        return Audit.model_validate_json(content)
    except ValidationError as error:
        what = error.errors()[0]["msg"]
        found = f"no audit as `her2bench audit` writes it ({what})"
        raise UserError(path, found=found, hint=hint) from error


class _Schema(BaseModel):
    schema_number: object = Field(None, alias="schema")

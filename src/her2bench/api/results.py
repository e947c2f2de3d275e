"""Results of the public functions: typed, as frames, and with HTML for notebooks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from her2bench.api.frames import as_pandas
from her2bench.core.audit_findings import Audit
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.core.score_notes import Note
from her2bench.core.scores import Pair, Question, Scores, write_scores
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.levels import slides_of
from her2bench.evaluation.scoring.pairwise import OF_ENSEMBLES
from her2bench.evaluation.scoring.questions import TITLES, first_question
from her2bench.evaluation.scoring.settings import ScoreSettings

if TYPE_CHECKING:
    import pandas as pd

Part = Literal[
    "rows",
    "pairs",
    "notes",
    "breakdown",
    "calibration",
    "thresholds",
    "score_tables",
    "aggregates",
    "ensembles",
    "subgroups",
    "interactions",
]
_SHOWN = ("roc_auc", "sensitivity", "specificity", "balanced_accuracy")


@dataclass(frozen=True)
class ScoreResults:
    """The scores of some predictions.

    Attributes:
        scores: everything that `scores.json` holds.
        predictions: the checked table they were computed from.
    """

    scores: Scores
    predictions: pl.DataFrame

    @property
    def notes(self) -> tuple[Note, ...]:
        """Notes that qualify the numbers."""
        return self.scores.notes

    @property
    def settings(self) -> ScoreSettings:
        """The settings of the statistics."""
        return settings_from(ScoreSettings, self.scores.settings, "scores.json")

    @property
    def question(self) -> Question:
        """The main question: that of recipes where it is answered, else that of these weights."""
        recipes = [p for p in self._primary_pairs if p.question == "recipe"]
        return first_question((p.family, p.decision) for p in recipes)

    @property
    def headline(self) -> list[Pair]:
        """The pairs on the primary metric, for the main question."""
        question = self.question
        primary = self._primary_pairs
        return [p for p in primary if p.question == question or p.family in OF_ENSEMBLES]

    @property
    def _primary_pairs(self) -> list[Pair]:
        metric = self.settings.primary
        return [pair for pair in self.scores.pairs if pair.metric == metric]

    @property
    def verdicts(self) -> list[str]:
        """One sentence per pair of models, on the primary metric."""
        return [pair.verdict for pair in self.headline]

    @property
    def slide(self) -> "ScoreResults | None":
        """The results at slide level, where they were asked for beside those of the tiles."""
        slide = self.scores.slide
        if slide is None:
            return None
        table = slides_of(self.predictions, self.scores.thresholds, slide)
        return ScoreResults(slide, table.drop("threshold", "call"))

    def to_polars(self, part: Part = "rows") -> pl.DataFrame:
        """A part of the scores as a table; by default one row per model, split and metric."""
        rows = [asdict(item) for item in getattr(self.scores, part)]
        return pl.DataFrame(rows, infer_schema_length=None)

    def to_pandas(self, part: Part = "rows") -> "pd.DataFrame":
        """As `to_polars`, for pandas.

        Raises:
            UserError: pandas is not installed.
        """
        return as_pandas(self.to_polars(part))

    def write(self, path: str | Path) -> None:
        """Write `scores.json` atomically."""
        write_scores(self.scores, Path(path))

    def write_report(self, folder: str | Path) -> Path:
        """Write a report of everything that needs no images and no training.

        Args:
            folder: a new or empty folder, or that of an earlier such report. It can be given to
                `her2bench report` again.

        Returns:
            The path of report.html.

        Raises:
            UserError: the folder holds other files, or these are the scores of slides alone.
        """
        if self.scores.level == "slide":
            raise UserError(
                "--report",
                found="scores of slides alone",
                expected="tiles and slides: a report shows both",
                hint="score with --level both (level='both')",
            )
        from her2bench.report.predictions_report import write_predictions_report

        return write_predictions_report(Path(folder), self.predictions, self.scores)

    def _repr_html_(self) -> str:
        splits = [row.split for row in self.scores.rows]
        split = "test" if "test" in splits else splits[-1]
        cells = {
            (row.model, row.metric): _with_interval(row.value, row.low, row.high)
            for row in self.scores.rows
            if row.split == split
        }
        models = list(dict.fromkeys(model for model, _ in cells))
        about = f"{split} slides" if self.scores.level == "slide" else split
        table = _table(
            [f"model ({about})", *map(label_of, _SHOWN)],
            [[m, *(cells.get((m, name), "") for name in _SHOWN)] for m in models],
        )
        pairs = self.headline
        verdicts = [[f"{p.model_a} − {p.model_b}", p.verdict] for p in pairs]
        title = TITLES[pairs[0].question] if pairs else "verdict"
        notes = "".join(f"<li>{escape(note.in_full)}</li>" for note in self.notes)
        return f"{table}{_table(['pair', title], verdicts) if pairs else ''}<ul>{notes}</ul>"


@dataclass(frozen=True)
class ComparisonResults(ScoreResults):
    """The scores of a comparison, and its folder.

    Attributes:
        folder: the comparison folder.
    """

    folder: ComparisonFolder

    @property
    def path(self) -> Path:
        """The comparison folder."""
        return self.folder.path

    @property
    def report(self) -> Path:
        """report.html."""
        return self.folder.report


@dataclass(frozen=True)
class AuditResults:
    """The findings of an audit.

    Attributes:
        audit: everything that `audit.json` holds.
        page: audit.html, where one was written.
        dropped: with `write_clean`, the tiles that were dropped: `tile_id, path, kind, reason`.
    """

    audit: Audit
    page: Path | None = None
    dropped: pl.DataFrame | None = None

    @property
    def findings(self) -> Sequence[Any]:
        """The findings, most severe first."""
        return self.audit.findings

    def to_polars(self) -> pl.DataFrame:
        """One row per finding."""
        names = ("kind", "severity", "title", "number", "unit", "effect", "hint")
        rows = [{name: getattr(f, name) for name in names} for f in self.audit.findings]
        return pl.DataFrame(rows, schema=None if rows else dict.fromkeys(names, pl.String))

    def to_pandas(self) -> "pd.DataFrame":
        """As `to_polars`, for pandas.

        Raises:
            UserError: pandas is not installed.
        """
        return as_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        rows = [[f.severity, f.title, f.effect, f.hint] for f in self.audit.findings]
        return _table(["severity", "finding", "effect", "fix"], rows)


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({low:.3f} to {high:.3f})"


def _table(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

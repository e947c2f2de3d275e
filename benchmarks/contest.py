"""The results of a comparison as Markdown: values, intervals, costs and verdicts."""

import polars as pl

from her2bench.api.results import ComparisonResults
from her2bench.core.scores import Row
from her2bench.core.vocabulary import CONSTANT, model_label
from her2bench.evaluation.scoring.questions import TITLES
from her2bench.report.formats import large, rate
from her2bench.report.labels import relabelled

VALUES = ("roc_auc", "balanced_accuracy", "sensitivity", "specificity")
COSTS = ("parameters", "multiply_adds", "train_seconds", "predict_tiles_per_second")
HEAD = (
    "model", "ROC-AUC (95% interval)", "balanced accuracy", "sensitivity", "specificity",
    "parameters", "multiply-adds", "training, s", "tiles/s",
)  # fmt: skip


def in_markdown(results: ComparisonResults, verdicts: bool = True) -> list[str]:
    """The test tiles' table with costs, then the verdicts: lines of Markdown."""
    costs = {
        row["model"]: row
        for row in pl.read_csv(results.folder.table).to_dicts()
        if row["split"] == "test"
    }
    rows = [row for row in results.scores.rows if row.split == "test"]
    lines = [f"| {' | '.join(HEAD)} |", "| --- " * len(HEAD) + "|"]
    for model in dict.fromkeys(row.model for row in rows):
        found = {row.metric: row for row in rows if row.model == model}
        cells = [_value(found.get(metric)) for metric in VALUES]
        spent = [costs.get(model, {}).get(name) for name in COSTS]
        written = zip(spent, (large, large, rate, rate), strict=True)
        cells += ["" if value is None else write(value) for value, write in written]
        lines.append(f"| {model_label(model)} | {' | '.join(cells)} |")
    tiles, slides = rows[0].tiles, rows[0].groups
    lines += ["", f"{tiles:,} test tiles of {slides:,} slides. {TITLES[results.question]}.", ""]
    return lines + _verdicts(results) if verdicts else lines


def _verdicts(results: ComparisonResults) -> list[str]:
    """The pairs that differ, and how many do not; those with a constant baseline are left out."""
    pairs = [p for p in results.headline if not {p.model_a, p.model_b} & set(CONSTANT)]
    shown = [pair for pair in pairs if pair.decision in ("a", "b")]
    lines = [
        f"- {relabelled(p.verdict)}: {p.difference:+.3f} ({p.low:+.3f} to {p.high:+.3f}), "
        f"adjusted p = {p.p_adjusted:.2g}"
        for p in shown
    ]
    return [*lines, f"- of {len(pairs)} pairs, {len(pairs) - len(shown)} show no difference"]


def _value(row: Row | None) -> str:
    if row is None or row.value is None:
        return "–"
    if row.metric != "roc_auc" or row.low is None or row.high is None:
        return f"{row.value:.3f}"
    return f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"

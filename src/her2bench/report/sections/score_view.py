"""The four scores on the page: metrics, differences, and confusion tables by tile and by slide."""

from typing import Any

from her2bench.core.scores import ScoreTable
from her2bench.core.vocabulary import SCORES, model_label
from her2bench.evaluation.statistics.metrics import METRICS, names_of
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.results_table import every_metric, metric_titles
from her2bench.report.sections.summary import shown_question

COMPARED = ("quadratic_kappa", "within_one", "ranked_probability_score")
_CLASSES = ("good", "near", "bad", "bad")  # by the number of scores between the two


def score_view(material: ReportInputs) -> dict[str, Any] | None:
    """What the section on the scores shows; None where no model predicts them.

    Returns:
        `metrics` (name → title), `rows` (model label, name → cell), `pairs` (title of the metric
        → its pairs, for the main question) and `tables`: one entry per model, with `name` and
        `units`, each of `unit`, `left_out` and `rows` of (reference, cells).
    """
    scores = material.scores
    if not scores.score_tables or material.split is None:
        return None
    titles = {
        name: title
        for name, title in metric_titles(material).items()
        if name in names_of("ordinal") or name.startswith("roc_auc_at_")
    }
    rows = [
        (model, cells)
        for model, cells in every_metric(material, material.split)
        if set(titles) & set(cells)
    ]
    asked = shown_question(material)
    pairs = {
        METRICS[name].title: [p for p in scores.pairs if (p.metric, p.question) == (name, asked)]
        for name in COMPARED
    }
    models = [m for m in material.models if any(t.model == m for t in scores.score_tables)]
    tables = [
        {
            "name": model_label(model),
            "units": [_printed(t) for t in scores.score_tables if t.model == model],
        }
        for model in models
    ]
    return {"metrics": titles, "rows": rows, "pairs": pairs, "tables": tables}


def _printed(table: ScoreTable) -> dict[str, Any]:
    """A table with its counts, and their shares of the reference score, as text."""
    rows = []
    for reference, counts in enumerate(table.counts):
        of = sum(counts)
        cells = [
            {
                "count": f"{count:.1f}".removesuffix(".0"),
                "share": f"{100 * count / of:.0f}%" if of else "–",
                "kind": _CLASSES[abs(reference - predicted)] if count else "none",
            }
            for predicted, count in enumerate(counts)
        ]
        rows.append((SCORES[reference], cells))
    return {"unit": table.unit, "left_out": table.left_out, "rows": rows}

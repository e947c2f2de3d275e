"""All figures of a report, in order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from her2bench.core.vocabulary import CONSTANT
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.figures.decision import decision_curves, draw_decision
from her2bench.report.figures.forest import draw_forest
from her2bench.report.figures.loss_curves import draw_losses
from her2bench.report.figures.palette import line_style
from her2bench.report.figures.quality_cost import draw_quality_cost
from her2bench.report.figures.reliability_diagram import draw_reliability
from her2bench.report.figures.roc_pr import draw_precision_recalls, draw_rocs
from her2bench.report.figures.score_distributions import draw_spread
from her2bench.report.figures.slide_strip import draw_strip, strip_table
from her2bench.report.figures.style import ENDINGS, Drawn
from her2bench.report.formats import percent
from her2bench.report.gallery_selection import first_seed
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.costs import cost_points
from her2bench.report.sections.reliability import (
    best_probabilities,
    calibration_of,
    reliability_table,
)
from her2bench.report.sections.summary import primary_pairs, shown_question
from her2bench.report.unit import unit_of


@dataclass(frozen=True)
class Figures:
    """The figures by section; empty where there is no data."""

    forest: Drawn | None
    cost: Drawn | None
    rocs: Drawn | None
    recalls: Drawn | None
    reliability: list[Drawn]
    decision: Drawn | None
    losses: Drawn | None
    spreads: list[Drawn]
    strips: list[Drawn] = field(default_factory=list)

    def files(self, folder: Path) -> Iterator[Path]:
        """The files of all figures in their folder."""
        single = [self.forest, self.cost, self.rocs, self.recalls, self.decision, self.losses]
        for drawn in (*single, *self.reliability, *self.spreads, *self.strips):
            if drawn:
                yield from (folder / f"{drawn.name}.{ending}" for ending in ENDINGS)


def draw_all(material: ReportInputs, panels: dict[str, Panel]) -> Figures:
    """Draw all figures into `figures/`; "always positive" is constant and has no curve."""
    folder, settings = material.folder.figures, material.settings
    ranked = {m: p for m, p in panels.items() if m not in CONSTANT} or panels
    curves = ranked, material.baselines, material.split or "", material.scores.rows, folder
    both = bool(panels) and 0 < next(iter(panels.values())).sample.targets.mean() < 1
    return Figures(
        forest=draw_forest(
            primary_pairs(material, shown_question(material)),
            settings.primary,
            settings.margin,
            settings.confidence,
            folder,
        ),
        cost=_quality_cost(material),
        rocs=draw_rocs(*curves) if both else None,
        recalls=draw_precision_recalls(*curves) if both else None,
        reliability=[_reliability(material, m, p) for m, p in ranked.items()],
        decision=_decision(material, ranked) if both else None,
        losses=_losses(material),
        spreads=_spreads(material, list(ranked)),
        strips=_strips(material, list(ranked)),
    )


def _colour(material: ReportInputs, model: str) -> str:
    return str(line_style(model, material.models, material.baselines)["color"])


def _quality_cost(material: ReportInputs) -> Drawn | None:
    metric, cost = material.settings.primary, "multiply_adds"
    asked = metric, material.split or "", shown_question(material), material.baselines
    points = cost_points(material.scores.rows, material.runs, cost, *asked)
    order = {model: place for place, model in enumerate(material.models)}
    points = sorted((p for p in points if p.model in order), key=lambda p: order[p.model])
    styles = {m: line_style(m, material.models, material.baselines) for m in material.models}
    confidence = percent(material.settings.confidence)
    title = f"{METRICS[metric].label} against multiply-adds per tile, with {confidence} intervals"
    return draw_quality_cost(points, styles, cost, metric, title, material.folder.figures)


def _reliability(material: ReportInputs, model: str, panel: Panel) -> Drawn:
    bins = reliability_table(panel, *calibration_of(material, model), material.settings)
    return draw_reliability(model, bins, _colour(material, model), material.folder.figures)


def _decision(material: ReportInputs, panels: dict[str, Panel]) -> Drawn:
    """Calibrated probabilities where there are any: a threshold is to mean a probability."""
    found = {m: best_probabilities(p, *calibration_of(material, m)) for m, p in panels.items()}
    probabilities = {model: values for model, (values, _) in found.items()}
    scaled = [model for model, (_, calibrated) in found.items() if calibrated]
    curves = decision_curves(panels, probabilities, scaled, material.settings.prevalence)
    folder = material.folder.figures
    return draw_decision(curves, material.baselines, material.split or "", folder)


def _losses(material: ReportInputs) -> Drawn | None:
    epochs = material.epochs
    if not epochs.height:
        return None
    highest = epochs.select(pl.max_horizontal(pl.col("^(train|val)_loss$").quantile(0.99)))
    top = 1.08 * float(highest.item() or 1)
    present = epochs["model"].unique(maintain_order=True).to_list()
    models = sorted(present, key=lambda m: material.models.index(m) if m in material.models else 99)
    return draw_losses(epochs, models, top, material.folder.figures)


def _spreads(material: ReportInputs, models: list[str]) -> list[Drawn]:
    shown = material.shown
    if "score" not in shown.columns or shown["score"].is_null().all():
        return []
    first = first_seed(shown).filter(pl.col("score").is_not_null())
    return [
        draw_spread(
            m,
            first.filter(pl.col("model") == m),
            _colour(material, m),
            material.folder.figures,
            unit_of(material.config),
        )
        for m in models
    ]


def _strips(material: ReportInputs, models: list[str]) -> list[Drawn]:
    """Each model's slides, of its first seed; none where slides were not scored."""
    if not material.slides.height:
        return []
    tiles, slides = first_seed(material.shown), first_seed(material.slides)
    return [
        draw_strip(
            m,
            strip_table(*(table.filter(pl.col("model") == m) for table in (tiles, slides))),
            unit_of(material.config),
            _colour(material, m),
            material.folder.figures,
        )
        for m in models
        if (slides["model"] == m).any()
    ]

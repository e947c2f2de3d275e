"""report.html, figures and model cards, from the comparison folder."""

from pathlib import Path
from typing import Any

from her2bench.core.atomic_io import replacing
from her2bench.core.display import shown_as
from her2bench.core.report_settings import report_settings
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Pair, Question
from her2bench.core.tables import read_table, write_table
from her2bench.core.versions import versions
from her2bench.core.vocabulary import BASELINES, CONSTANT, ENDPOINTS, SPLITS, model_label
from her2bench.evaluation.scoring.panels import Panel
from her2bench.evaluation.scoring.questions import TITLES
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report import formats
from her2bench.report.figures.curve_bands import REPLICATES
from her2bench.report.figures.figure_set import draw_all
from her2bench.report.folder_guard import check_inside
from her2bench.report.gallery_files import read_audit_pictures, read_gallery
from her2bench.report.inputs import ReportInputs, read_inputs, shown_panels
from her2bench.report.labels import STUDY_WORDS
from her2bench.report.pages.audit_page import audit_contents, rewrite_audit_page
from her2bench.report.pages.html import assets, environment
from her2bench.report.pages.model_card import write_cards
from her2bench.report.sections import methods
from her2bench.report.sections.audit_view import with_sides
from her2bench.report.sections.costs import costs, hardware
from her2bench.report.sections.failures import by_slide, failing_slides, predictions_by_score
from her2bench.report.sections.gallery_view import picture_groups
from her2bench.report.sections.methods_paragraph import methods_paragraph
from her2bench.report.sections.operating import operating_points, printed
from her2bench.report.sections.optimism import optimism
from her2bench.report.sections.reliability import calibration_of, calibration_rows
from her2bench.report.sections.results_table import (
    STUDY,
    every_metric,
    metric_titles,
    on_all_sides,
    shown_metrics,
    standings,
)
from her2bench.report.sections.score_view import score_view
from her2bench.report.sections.slides import slide_level
from her2bench.report.sections.subgroups import subgroup_columns
from her2bench.report.sections.summary import answer, ensemble_pairs, primary_pairs, shown_question
from her2bench.report.sections.tuning import tuned_rows, tuning_sentence
from her2bench.report.sections.warnings import lesser_notes, optimistic_figures, report_warnings
from her2bench.report.written_files import remove_outdated

_STYLES = ("colours.css", "page.css", "tables.css", "figures.css", "audit.css", "print.css")
_SCRIPTS = ("page.js", "operating.js")
RESTS_ON = {
    "recipe": "across slides and seeds (retraining variability), as the verdicts",
    "weights": "across slides, for these trained weights",
}


def write_report(folder: ComparisonFolder) -> Path:
    """Draw the figures, write the model cards and report.html, one file that opens offline.

    Returns:
        The path of report.html.

    Raises:
        UserError: a file of the folder is broken. A missing file is named in the report.
    """
    check_inside(folder)
    material = read_inputs(folder)
    chosen = report_settings(material.config, folder.config)
    with shown_as(chosen.names, chosen.colours):
        return _written(folder, material, chosen.unit)


def _written(folder: ComparisonFolder, material: ReportInputs, unit: str) -> Path:
    contents = _contents(material)
    template = environment(unit).get_template("page.html")
    page = template.render(**contents, **assets(_STYLES, _SCRIPTS))
    written = [*contents["figures"].files(folder.figures), *write_cards(material)]
    rewrite_audit_page(material, unit)
    slides = by_slide(material)
    if slides.height:
        written.append(folder.figures / "slides.csv")
        write_table(slides, written[-1])
    remove_outdated(folder, written)
    with replacing(folder.report) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    folder.seal(folder.report)
    return folder.report


def _contents(material: ReportInputs) -> dict[str, Any]:
    panels = shown_panels(material)
    rows, ranked = material.scores.rows, standings(material)
    present = [s for s in ("test", "val", "train") if any(r.split == s for r in rows)]
    return {
        "name": material.folder.path.resolve().name,
        "about": _about(material),
        "answer": answer(material),
        "warnings": report_warnings(material),
        "notes": lesser_notes(material),
        "optimistic": optimistic_figures(material),
        "grouped": material.grouped,
        "from_predictions": material.from_predictions,
        "split_name": SPLITS.get(material.split or "", ""),
        "split_names": SPLITS,
        "metric_names": {name: metric.title for name, metric in METRICS.items()},
        "all_titles": metric_titles(material),
        "confidence": formats.percent(material.settings.confidence),
        "shown_metrics": shown_metrics(material),
        "beside": [s for s in ("val", "train") if s in present and s != material.split],
        "standings": ranked,
        "slide_level": slide_level(material),
        "sides": on_all_sides(material),
        "costs": costs(material),
        "hardware": hardware(material),
        "study_metrics": {m: STUDY_WORDS.get(m, METRICS[m].title) for m in STUDY},
        "caption_results": _caption(material),
        "of_weights": RESTS_ON["weights"],
        "threshold_rule": formats.threshold_rule(material.settings.threshold),
        "all_metrics": [(split, every_metric(material, split)) for split in present],
        "pairs": {question: _pairs(material, question) for question in ("recipe", "weights")},
        "subgroups": subgroup_columns(material),
        "question": shown_question(material),
        "titles": TITLES,
        "figures": draw_all(material, panels),
        "operating": printed(operating_points(panels, material.settings)),
        "models": material.models,
        "baselines": [BASELINES[name] for name in material.baselines if name in BASELINES],
        "optimism": optimism(material),
        "scored": score_view(material),
        "predicted_by_score": predictions_by_score(material),
        "slides": failing_slides(material),
        **_primary(material),
        **_pictures(material),
        "replicates": REPLICATES,
        **_calibration(material, panels),
        **_audit(material),
        **_methods(material),
    }


def _primary(material: ReportInputs) -> dict[str, str]:
    metric = METRICS[material.settings.primary]
    return {
        "primary": metric.label,
        "better": "right" if metric.higher_is_better else "left",
        "margin": f"{material.settings.margin:g}",
    }


def _pairs(material: ReportInputs, question: Question) -> list[Pair]:
    answered = [p for p in primary_pairs(material, question) if p.decision != "unanswered"]
    return answered + (ensemble_pairs(material) if question == "weights" else [])


def _about(material: ReportInputs) -> dict[str, str]:
    shown = material.shown
    tiles = shown["tile_id"].n_unique() if shown.height else 0
    slides = f" of {shown['group_id'].n_unique()} slides" if material.grouped else ""
    names = [model_label(m) for m in material.networks] or ["No model"]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + f" and {names[-1]}"
    endpoint = str(material.config.get("endpoint", "2+"))
    return {
        "models": listed,
        "tiles": f"{tiles:,} {SPLITS.get(material.split or '', '')} tiles{slides}",
        "endpoint": ENDPOINTS.get(endpoint, endpoint),
    }


def _caption(material: ReportInputs) -> str:
    about = _about(material)
    unknown = "" if material.grouped else "; slides unknown"
    confidence = formats.percent(material.settings.confidence)
    across = RESTS_ON[shown_question(material)]
    return (
        f"Models and baselines on {about['tiles']}, with {confidence} intervals {across}{unknown}"
    )


def _pictures(material: ReportInputs) -> dict[str, Any]:
    groups = picture_groups(material, read_gallery(material.folder))
    return {"groups": groups, "no_pictures": _absence([p for g in groups for p in g.pictures])}


def _audit(material: ReportInputs) -> dict[str, Any]:
    if material.audit is None:
        return {"audit": None}
    tiles = with_sides(material.manifest, material.splits)
    return audit_contents(material.audit, tiles, read_audit_pictures(material.folder))


def _absence(pictures: list[Any]) -> str:
    if not pictures or any(picture.thumbnail for picture in pictures):
        return ""
    return (
        "No pictures are kept in this folder: the tiles were moved, or none could be read. Ids, "
        "labels and predictions are shown without them."
    )


def _calibration(material: ReportInputs, panels: dict[str, Panel]) -> dict[str, Any]:
    rows = [
        row
        for model, panel in panels.items()
        if model not in CONSTANT
        for row in calibration_rows(panel, *calibration_of(material, model), material.settings)
    ]
    folds = material.predictions["fold"].n_unique() if material.predictions.height else 1
    return {
        "calibration": rows,
        "calibrated": any(row["method"] != "none" for row in rows),
        "several_folds": folds > 1,
    }


def _runs(material: ReportInputs) -> list[dict[str, Any]]:
    order = {model: place for place, model in enumerate(material.models)}
    return sorted(
        material.runs.to_dicts(),
        key=lambda run: (order.get(run["model"], len(order)), run["seed"], run["fold"]),
    )


def _methods(material: ReportInputs) -> dict[str, Any]:
    bad = material.folder.bad_tiles
    return {
        "paragraph": methods_paragraph(material),
        "counts": methods.tile_counts(material),
        "split_words": methods.split_words(material),
        "bad_tiles": read_table(bad).height if bad.is_file() else 0,
        "runs": _runs(material),
        "tuned": tuned_rows(material),
        "tuning_sentence": tuning_sentence(material),
        "total_seconds": methods.total_seconds(material),
        "devices": methods.devices(material),
        "trained_with": methods.trained_with(material),
        "versions": versions("numpy", "scipy", "polars", "scikit-learn", "matplotlib"),
        "command": methods.command(material),
        "settings": methods.flat_settings(material.config),
    }

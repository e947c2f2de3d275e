"""The methods of a comparison as one paragraph, ready to paste into a manuscript."""

from typing import Any

from her2bench.core.text import plural
from her2bench.core.versions import versions
from her2bench.core.vocabulary import ENDPOINTS, SPLITS, model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.formats import duration, percent, threshold_rule
from her2bench.report.inputs import ReportInputs
from her2bench.report.sections.methods import (
    devices,
    split_words,
    total_seconds,
    trained_with,
    without_folder,
)
from her2bench.report.sections.slides import slide_sentence
from her2bench.report.sections.summary import primary_pairs, shown_question
from her2bench.report.sections.tuning import or_tuned, tuning_sentence

ABSENT = "[not recorded]"


def methods_paragraph(material: ReportInputs) -> str:
    """Data set, split, endpoint, recipe, hardware, versions and statistics, with the numbers.

    What the folder does not record is written as `[not recorded]`, never guessed.
    """
    known = [_data(material), _training(material), tuning_sentence(material), _where(material)]
    parts = [] if material.from_predictions else known
    parts += [_statistics(material), slide_sentence(material)]
    closing = "For research use only; a score of 2+ is equivocal."
    return " ".join([*(part for part in parts if part), closing])


def _data(material: ReportInputs) -> str:
    shown, config = material.splits, material.config
    tiles = shown["tile_id"].n_unique() if shown.height else 0
    known = "group_id" in shown.columns and not shown["group_id"].is_null().all()
    slides = shown["group_id"].n_unique() if known else None
    of = f"{slides:,} {plural(slides, 'slide')}" if slides else "an unknown number of slides"
    by = [f"{n:,} {SPLITS[split]}" for split in SPLITS if (n := _tiles_on(material, split))]
    folds = shown["fold"].n_unique() if "fold" in shown.columns else 1
    counted = f", {folds} folds, in which tiles change their roles" if folds > 1 else ""
    endpoint = str(config.get("endpoint", "2+"))
    size = config.get("size", ABSENT)
    return (
        f"Classifiers were compared on the data set [name and reference] (manifest "
        f"{without_folder(str(config.get('manifest', ABSENT)))}): {tiles:,} IHC "
        f"{plural(tiles, 'tile')} of {of} at {size} × {size} pixels. "
        f"The endpoint was {ENDPOINTS.get(endpoint, endpoint)}, by the IHC score of the slide. "
        f"Split: {split_words(material)} ({', '.join(by) or 'no'} tiles{counted})."
    )


def _tiles_on(material: ReportInputs, split: str) -> int:
    rows = material.splits
    if "split" not in rows.columns:
        return 0
    return rows.filter(rows["split"] == split)["tile_id"].n_unique()


def _training(material: ReportInputs) -> str:
    config, recipe = material.config, material.config.get("recipe") or {}
    if not material.networks:
        return ""
    names = ", ".join(model_label(model) for model in material.networks)
    seeds, rates = config.get("seeds", []), recipe.get("learning_rates") or ABSENT
    size = or_tuned(material, "batch", f"{recipe.get('batch', ABSENT)} tiles", "a tuned size")
    rate = or_tuned(material, "learning_rate", _rates(rates), "a tuned learning rate")
    text = (
        f"Networks ({names}) were trained for {recipe.get('epochs', ABSENT)} "
        f"{plural(recipe.get('epochs', 0), 'epoch')} with batches of {size}, {rate}, "
        f"{len(seeds)} {plural(len(seeds), 'seed')} each"
    )
    named = ("epochs", "batch", "learning_rates")
    rest = {k: or_tuned(material, k, _text(v)) for k, v in recipe.items() if k not in named}
    further = [f"{k.replace('_', ' ')} {text}" for k, text in rest.items()]
    baselines = ", ".join(model_label(b) for b in material.baselines)
    ending = f" Baselines: {baselines}." if baselines else ""
    return f"{text} ({'; '.join(further)}).{ending}" if further else f"{text}.{ending}"


def _rates(rates: Any) -> str:
    if isinstance(rates, dict):
        return "learning rates " + "; ".join(f"{k}: {_text(v)}" for k, v in rates.items())
    rates = rates if isinstance(rates, list) else [rates]
    if len(rates) == 1:
        return f"learning rate {_text(rates)}"
    return f"the learning rate chosen on validation tiles among {_text(rates)}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _where(material: ReportInputs) -> str:
    runs = material.runs
    if not runs.height:
        return ""
    days = runs["finished"].drop_nulls().unique().sort().to_list()
    when = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ABSENT
    machines = runs["hardware"].drop_nulls().unique().sort().to_list() or devices(material)
    made = "; ".join(trained_with(material)) or f"versions {ABSENT}"
    seconds = total_seconds(material)
    return (
        f"Training took {duration(seconds)} in all (hardware: {', '.join(machines) or ABSENT}; "
        f"date: {when}; {made}); the evaluation used her2bench {versions()['her2bench']}."
    )


def _statistics(material: ReportInputs) -> str:
    settings, question = material.settings, shown_question(material)
    metric, confidence = METRICS[settings.primary].label, percent(settings.confidence)
    across = "slides and seeds" if question == "recipe" else "slides, for these trained weights"
    tests = sorted(
        {pair.method.partition(";")[0] for pair in primary_pairs(material, question) if pair.method}
    )
    rows = [r for r in material.scores.rows if r.split == material.split]
    made = sorted({r.method for r in rows if r.metric == settings.primary and r.low is not None})
    return (
        f"The primary metric was {metric}, averaged over seeds, with {confidence} intervals "
        f"({_text(made)}). Thresholds: {threshold_rule(settings.threshold)}. "
        f"Pairs were compared across {across} (test: {_text(tests)}), with p-values adjusted by "
        f"Holm’s method and an equivalence margin of ±{settings.margin:g}."
    )

"""A model card beside each model's runs: intended use, limits, metrics."""

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined

from her2bench.core.runs import write_text
from her2bench.core.vocabulary import ENDPOINTS, SPLITS, model_label
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report import formats
from her2bench.report.inputs import ReportInputs
from her2bench.report.labels import relabelled
from her2bench.report.sections import methods
from her2bench.report.sections.costs import cost_lines, hardware, network_of
from her2bench.report.sections.results_table import every_metric, metric_titles
from her2bench.report.sections.summary import primary_pairs, shown_question
from her2bench.report.sections.warnings import report_warnings
from her2bench.report.unit import in_unit, unit_of


def write_cards(material: ReportInputs) -> list[Path]:
    """Write `runs/<model>/card.md` for every network that has a run folder; their paths.

    Source: Mitchell et al. 2019, "Model cards for model reporting".
    """
    word = in_unit(unit_of(material.config))
    source = files("her2bench.report").joinpath("templates", "card.md").read_text(encoding="utf-8")
    template = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=plain
    ).from_string(word(source))
    runs = material.folder.path / "runs"
    folders = {place.name: place for place in runs.iterdir()} if runs.is_dir() else {}
    written = []
    for model in material.networks:
        folder = folders.get(model)  # never a path that the model's name would make
        if folder and folder.is_dir():
            written.append(folder / "card.md")
            write_text(written[-1], template.render(**_contents(material, model, word)))
    return written


def plain(value: Any) -> Any:
    """Text that stays text in Markdown: no tag, no markup, no end of a table cell.

    >>> print(plain("a<b>|*c*"))
    a&lt;b>\\|\\*c\\*
    """
    if not isinstance(value, str):
        return value
    return re.sub(r"([\\`*|\[\]])", r"\\\1", value).replace("<", "&lt;").replace("\n", " ")


def _contents(material: ReportInputs, model: str, word: Callable[[str], str]) -> dict[str, Any]:
    """What the template needs; `word` puts the unit into sentences, never into names."""
    name = model_label(model)
    tables = []
    for split in ("test", "val", "train"):
        cells = dict(every_metric(material, split)).get(name)
        if cells:
            tables.append((SPLITS[split], split == "test", _lines(cells, metric_titles(material))))
    runs = material.runs.filter(pl.col("model") == model)
    return {
        "name": name,
        "model": model,
        "endpoint": ENDPOINTS.get(str(material.config.get("endpoint")), "unknown"),
        "tables": tables,
        "warnings": [(word(w.title), word(w.text)) for w in report_warnings(material)],
        "pairs": [
            f"{word(relabelled(p.verdict))}: {formats.difference(p)} {METRICS[p.metric].label}"
            f" ({model_label(p.model_a)} minus {model_label(p.model_b)})"
            for p in primary_pairs(material, shown_question(material))
            if model in (p.model_a, p.model_b)
        ],
        "runs": runs.to_dicts(),
        "network": network_of(material, model),
        "costs": cost_lines(material, model),
        "hardware": hardware(material, model),
        "duration": formats.duration,
        "counts": methods.tile_counts(material),
        "splits": SPLITS,
        "split_words": word(methods.split_words(material)),
        "confidence": formats.percent(material.settings.confidence),
        "size": material.config.get("size", "unknown"),
        "threshold_rule": word(formats.threshold_rule(material.settings.threshold)),
        "license": material.config.get("licence"),
    }


def _lines(cells: dict[str, Any], titles: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (titles[metric], _cell(cell.value, cell.low, cell.high)) for metric, cell in cells.items()
    ]


def _cell(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{formats.number(value)} (no interval)"
    return f"{formats.number(value)} ({formats.number(low)} to {formats.number(high)})"

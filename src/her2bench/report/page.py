"""report.html, from the comparison folder alone."""

import base64
import json
from importlib.resources import files
from pathlib import Path

import polars as pl
from jinja2 import Environment, StrictUndefined, Template

from her2bench import __version__
from her2bench.core.files import replacing
from her2bench.core.runs import ComparisonFolder
from her2bench.report.figures import draw_losses, draw_roc
from her2bench.report.table import METRICS, epoch_table, result_table, run_table


def write_report(folder: ComparisonFolder) -> Path:
    """Draw the figures and write report.html: one file that opens offline; returns its path."""
    scores = json.loads(folder.scores.read_text(encoding="utf-8"))
    predictions = pl.read_parquet(folder.predictions)
    epochs = epoch_table(folder)
    if epochs.height:
        draw_losses(epochs, folder.figures)
    splits = [s for s in ("val", "test") if s in set(predictions["split"])]
    for split in splits:
        draw_roc(predictions, split, folder.figures)
    names = [*(["loss"] if epochs.height else []), *(f"roc-{split}" for split in splits)]
    page = _template().render(
        rows=result_table(scores, run_table(folder)).to_dicts(),
        metrics=METRICS,
        scores=scores,
        figures=[(name, _embedded(folder.figures / f"{name}.svg")) for name in names],
        settings=folder.config.read_text(encoding="utf-8"),
        version=__version__,
    )
    with replacing(folder.report) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return folder.report


def _template() -> Template:
    text = files("her2bench.report").joinpath("report.html").read_text(encoding="utf-8")
    # Names of models, slides and tiles are the user's text: everything is escaped.
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(text)


def _embedded(path: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()

"""A report from predictions alone: a comparison folder without runs, manifest and images."""

from pathlib import Path

import polars as pl
import tomli_w

from her2bench.core.atomic_io import LOCK, SOFT_LOCK, check_writable
from her2bench.core.errors import UserError
from her2bench.core.predictions import COLUMNS
from her2bench.core.runs import ComparisonFolder, write_text
from her2bench.core.scores import Scores
from her2bench.core.tables import write_table
from her2bench.core.vocabulary import BASELINES
from her2bench.report.inputs import FROM_PREDICTIONS
from her2bench.report.pages.report_page import write_report
from her2bench.report.rebuilding import write_scored


def write_predictions_report(path: Path, predictions: pl.DataFrame, scores: Scores) -> Path:
    """Write predictions, scores, table, figures and report into a folder.

    Args:
        path: a new or empty folder, or that of an earlier such report.
        predictions: checked.
        scores: of them.

    Returns:
        The path of report.html.

    Raises:
        UserError: the folder holds a comparison with runs, or other files.
    """
    folder = ComparisonFolder(path)
    check_writable(path, "--report")
    _refuse_other_files(folder)
    path.mkdir(parents=True, exist_ok=True)
    present = predictions["model"].unique(maintain_order=True).to_list()
    config = {
        "source": FROM_PREDICTIONS,
        "models": [model for model in present if model not in BASELINES],
        "baselines": [model for model in present if model in BASELINES],
        "seeds": predictions["seed"].unique().sort().to_list(),
        "score": _given(scores.settings),
    }
    if scores.slide is not None:
        config["slide"] = _given(scores.slide.slide_settings)
    own = (*COLUMNS, *(name for name in predictions.columns if name not in COLUMNS))
    write_table(predictions.select(n for n in own if n in predictions.columns), folder.predictions)
    write_text(folder.config, tomli_w.dumps(config))
    folder.seal(folder.config)
    write_scored(folder, scores)
    return write_report(folder)


def _given(settings: dict) -> dict:
    """Settings without what is not given, which TOML cannot say."""
    return {
        key: _given(value) if isinstance(value, dict) else value
        for key, value in settings.items()
        if value is not None
    }


def _refuse_other_files(folder: ComparisonFolder) -> None:
    ours = {
        *(folder.config.name, folder.predictions.name, folder.scores.name, folder.table.name),
        *(folder.report.name, folder.figures.name, folder.checksums.name, LOCK, SOFT_LOCK),
        folder.slide_table.name,
    }
    inside = sorted(p.name for p in folder.path.iterdir()) if folder.path.is_dir() else []
    other = [name for name in inside if name not in ours]
    if other:
        raise UserError(
            f"--report {folder.path}",
            found=f"a folder with other files in it, such as {other[0]!r}",
            expected="a new or empty folder, or that of an earlier report of predictions",
            hint="name another folder",
        )

"""From finished runs to predictions, scores, table, figures and report."""

import json

import polars as pl
import torch

from her2bench.comparison.gallery import draw_gallery
from her2bench.comparison.optimism import flattery
from her2bench.comparison.prepared import Prepared
from her2bench.core.predictions import read_predictions
from her2bench.core.runs import write_text
from her2bench.core.tables import write_table
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.report.pages.report_page import write_report
from her2bench.report.table_csv import result_table, run_table


def write_results(prepared: Prepared, device: torch.device) -> None:
    """Gather the predictions of all runs, score them, and write everything that shows them."""
    folder = prepared.folder
    runs = [folder.run(job.model, job.seed, job.fold).predictions for job in prepared.jobs]
    predictions = pl.concat([read_predictions([path]) for path in runs])
    write_table(predictions, folder.predictions)
    extra = [name for name in prepared.manifest.columns if name not in predictions.columns]
    joined = predictions.join(prepared.manifest.select("tile_id", *extra), on="tile_id", how="left")
    scores = score_predictions(joined, prepared.config.score).as_dict()
    scores["notes"] = [*_split_notes(prepared), *scores["notes"]]
    scores["optimism"] = flattery(folder, scores)
    write_text(folder.scores, json.dumps(scores, indent=1, allow_nan=False))
    write_table(result_table(scores, run_table(folder)), folder.table)
    folder.seal(folder.predictions, folder.scores, folder.table)
    draw_gallery(prepared, scores, device)
    write_report(folder)


def _split_notes(prepared: Prepared) -> list[str]:
    kind = prepared.config.split.kind
    if kind == "random-tiles":
        return [RANDOM_TILES]
    unused = kind != "manifest" and "split" in prepared.manifest.columns
    return [GIVEN_SPLIT] if unused and prepared.manifest["split"].is_not_null().any() else []


GIVEN_SPLIT = (
    "The manifest's own split was not used (test): tiles that it keeps for test may have been "
    "trained on. Set split.kind = 'manifest' to use it."
)
RANDOM_TILES = (
    "The split is by random tiles: tiles of one slide lie on both sides, so every figure here "
    "flatters. Use split.kind = 'grouped' or 'grouped-kfold' for figures that hold for new slides."
)

"""From finished runs to predictions, scores, table, figures and report."""

import json

import polars as pl

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.optimism import flattery
from her2bench.comparison.plan import Job
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder, write_text
from her2bench.core.tables import write_table
from her2bench.evaluation.scores import score_predictions
from her2bench.report.page import write_report
from her2bench.report.table import result_table, run_table


def write_results(folder: ComparisonFolder, config: ComparisonConfig, jobs: list[Job]) -> None:
    """Gather the predictions of all runs, score them, and write everything that shows them."""
    runs = [folder.run(job.model, job.seed, job.fold).predictions for job in jobs]
    predictions = pl.concat([pl.read_parquet(path) for path in runs])
    write_table(predictions, folder.predictions)
    manifest = read_manifest(folder.manifest)
    extra = [name for name in manifest.columns if name not in predictions.columns]
    joined = predictions.join(manifest.select("tile_id", *extra), on="tile_id", how="left")
    scores = score_predictions(joined, config.score).as_dict()
    if config.split.kind == "random-tiles":
        scores["notes"].insert(0, RANDOM_TILES)
    scores["optimism"] = flattery(folder, scores)
    write_text(folder.scores, json.dumps(scores, indent=1))
    write_table(result_table(scores, run_table(folder)), folder.table)
    write_report(folder)


RANDOM_TILES = (
    "The split is by random tiles: tiles of one slide lie on both sides, so every figure here "
    "flatters. Use split.kind = 'grouped' or 'grouped-kfold' for figures that hold for new slides."
)

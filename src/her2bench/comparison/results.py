"""From finished runs to predictions, scores, table, figures and report."""

from collections.abc import Collection
from dataclasses import replace

import polars as pl
import torch

from her2bench.comparison.gallery import draw_gallery
from her2bench.comparison.optimism import optimism
from her2bench.comparison.prepared import Prepared
from her2bench.comparison.watcher import Watcher
from her2bench.core.manifest import with_manifest
from her2bench.core.predictions import read_predictions
from her2bench.core.score_notes import Note, make_note
from her2bench.core.score_parts import TunedModel
from her2bench.core.tables import write_table
from her2bench.evaluation.scoring.levels import score_levels
from her2bench.report.pages.report_page import write_report
from her2bench.report.rebuilding import write_scored


def write_results(
    prepared: Prepared, device: torch.device, watcher: Watcher, tuned: Collection[TunedModel] = ()
) -> None:
    """Collect the predictions of all runs, score them, and write scores, table and report."""
    watcher.making("scores")
    folder = prepared.folder
    runs = [folder.run(job.model, job.seed, job.fold).predictions for job in prepared.jobs]
    predictions = pl.concat([read_predictions([path]) for path in runs])
    write_table(predictions, folder.predictions)
    joined = with_manifest(predictions, prepared.manifest)
    scores = score_levels(joined, prepared.config.score, prepared.config.slide)
    notes = (*_split_notes(prepared), *scores.notes)
    more = {"optimism": optimism(folder, scores), "tuning": tuple(tuned)}
    scores = replace(scores, notes=notes, **more)
    write_scored(folder, scores)
    watcher.making("pictures of misclassified tiles")
    draw_gallery(prepared, scores, device)
    watcher.making("report")
    write_report(folder)


def _split_notes(prepared: Prepared) -> list[Note]:
    kind = prepared.config.split.kind
    if kind == "random-tiles":
        return [make_note("random_tiles", RANDOM_TILES)]
    unused = kind != "manifest" and "split" in prepared.manifest.columns
    if not unused or prepared.manifest["split"].is_null().all():
        return []
    return [make_note("own_split_unused", GIVEN_SPLIT, "test")]


GIVEN_SPLIT = (
    "Tiles in the manifest's own test split may be training tiles here. Set split.kind = "
    "'manifest' to use it."
)
RANDOM_TILES = (
    "Slides are split across partitions, so every figure here is optimistic. Use split.kind = "
    "'grouped' or 'grouped-kfold' for figures that hold for new slides."
)

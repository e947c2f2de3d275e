"""Finished runs are reused only if their files are unchanged."""

import shutil

from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.comparison.folds import Fold
from her2bench.comparison.plan import Job
from her2bench.comparison.prepared import Prepared
from her2bench.comparison.tuning import Tuned
from her2bench.core.checksums import damaged, opened_record
from her2bench.core.errors import UserError
from her2bench.core.notes import note
from her2bench.core.predictions import read_predictions
from her2bench.core.run_folder import RunFolder


def undo_damaged(part: Prepared, folds: dict[int, Fold]) -> None:
    """Mark finished runs with damaged, missing or another run's files as not done."""
    for job in part.jobs:
        run = part.run(job)
        if not run.done:
            continue
        try:
            _check(run, job, part.config, folds[job.fold])
        except UserError as error:
            note(error.where, f"{error.found}; {job} is repeated")
            _undo(run)


def undo_otherwise_tuned(part: Prepared, tuned: Tuned) -> None:
    """Mark finished runs as not done whose settings are not those that the tuning chose."""
    for job in part.jobs:
        run, chosen = part.run(job), tuned.get((job.model, job.fold))
        if run.done and run.summary().get("tuned", {}) != (chosen.values if chosen else {}):
            note(run.path, f"trained with other tuned settings; {job} is repeated")
            _undo(run)


def _check(run: RunFolder, job: Job, config: ComparisonConfig, fold: Fold) -> None:
    run.check(*run.files)
    settings = opened_record(run.config, "", sealed=False)
    mine = {"model": job.model, "seed": job.seed, "fold": job.fold}
    now = trained_by(config.model_dump(mode="json", exclude_none=True), [job.model])
    if settings.get("run") != mine or trained_by(settings, [job.model]) != now:
        raise damaged(run.config, "of another run", "")
    if job.model not in config.baselines and not run.weights.is_file():
        raise damaged(run.weights, "missing", "")
    table = read_predictions([run.predictions])
    expected = fold.table.select(fold.columns).sort("tile_id")
    same = table.select(*mine).unique().to_dicts() == [mine]
    if not same or table.select(fold.columns).sort("tile_id").rows() != expected.rows():
        raise damaged(run.predictions, "of other tiles or another run", "")


def _undo(run: RunFolder) -> None:
    for path in (run.path / "DONE", *run.files):  # DONE first: a kill here leaves no finished run
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

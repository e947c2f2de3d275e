"""The baselines: models that need no network, judged in the same table on the same tiles."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.folds import Fold
from her2bench.comparison.plan import Job
from her2bench.comparison.run_job import write_config, write_run
from her2bench.core.run_folder import RunFolder
from her2bench.evaluation.scoring.thresholds import choose_threshold
from her2bench.stain import dab_percentiles, white_points

FEATURES = {"dab_baseline": dab_percentiles, "background_baseline": white_points}
CERTAIN = 16.0  # the logit of "always positive": a probability of 1 − 1e-7, yet finite


def run_baseline(job: Job, config: ComparisonConfig, fold: Fold, run: RunFolder) -> None:
    """Fit one baseline on a fold's training tiles and write its run folder.

    `always_positive` says yes to every tile. `dab_baseline` is five percentiles of DAB optical
    density, `background_baseline` the white point, each with logistic regression: what stain
    amount alone, and what the glass alone, can tell.
    """
    write_config(run, config, job)
    sides = {split: fold.side(split) for split in fold.present}
    if job.model == "always_positive":
        logits = {split: np.full(len(side.rows), CERTAIN) for split, side in sides.items()}
        parameters = 0
    else:
        measure = FEATURES[job.model]
        features = {
            split: measure(fold.tiles.pixels[side.rows]).astype(np.float64)
            for split, side in sides.items()
        }
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(features["train"], sides["train"].targets)
        logits = {split: model.decision_function(x) for split, x in features.items()}
        parameters = features["train"].shape[1] + 1
    threshold = choose_threshold(logits["val"], sides["val"].targets, config.score.threshold)
    write_run(job, fold, run, logits, {"parameters": parameters, "threshold": threshold})

"""Shortcuts: how well nuisance properties predict the target, compared with the stain."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from her2bench.audit.checks.shortcut_findings import SHORTCUTS, TOGETHER, shortcut_findings
from her2bench.audit.confounding.by_slide import medians, slide_codes
from her2bench.audit.confounding.permutation_test import association_test
from her2bench.audit.confounding.residuals import residuals
from her2bench.audit.context import AuditContext, CheckResult, NotMade
from her2bench.audit.features.extraction import Observations
from her2bench.core.audit_findings import Measured
from her2bench.evaluation.statistics.ranking import placements

SEED = 0
_ONE_CLASS = NotMade("one_class", "the tiles that can be read hold one class only")


def check_shortcuts(evidence: AuditContext) -> CheckResult:
    """The target predicted from each shortcut, from all together, and from DAB (to compare).

    The stain is regressed out of stained measures first (`residuals`); the plain value is
    reported too.
    """
    rows = np.flatnonzero(evidence.readable)
    target = evidence.target[rows].astype(bool)
    groups = None if evidence.groups is None else evidence.groups[rows].astype(str)
    if min(target.sum(), (~target).sum()) < 2:
        return CheckResult(left_out=_ONE_CLASS)
    plain = shortcut_measures(evidence.observations, rows)
    stain = stain_measures(evidence.observations, rows)
    clean = {
        s.name: residuals(plain[s.name], stain, groups) if s.stained else plain[s.name]
        for s in SHORTCUTS
    }
    clean[TOGETHER] = np.hstack([clean[s.name] for s in SHORTCUTS if s.seen])
    rng = np.random.default_rng(SEED)
    tested = {n: association_test(x, target, groups, rng.spawn(1)[0]) for n, x in clean.items()}
    dab = _dab_auc(evidence.observations["dab"][rows], target, groups)
    measured: Measured = {"roc_auc_dab": dab}
    measured |= {f"roc_auc_{name}": round(each.auc, 3) for name, each in tested.items()}
    for s in SHORTCUTS:
        if s.stained:
            raw = association_test(plain[s.name], target, groups, rng.spawn(1)[0], permutations=0)
            measured[f"roc_auc_{s.name}_with_stain"] = round(raw.auc, 3)
    return CheckResult(shortcut_findings(tested, _ties(clean, groups), dab), measured)


def shortcut_measures(observations: Observations, rows: np.ndarray) -> dict[str, np.ndarray]:
    """(n, d) measures of each shortcut, by name, as they come from the tiles."""
    white = observations["white"][rows].astype(np.float64)
    size = observations["size"][rows].astype(np.float64)
    level = white.mean(axis=1)
    date = observations["modified"][rows]
    order = np.searchsorted(np.sort(date), date, "left") + np.searchsorted(
        np.sort(date), date, "right"
    )
    middle = (level - np.median(level)) / 10
    return {
        "background": np.column_stack([level, middle**2]),
        "tint": white[:, [0]] - white[:, [2]],
        "sharpness": observations["sharpness"][rows].astype(np.float64),
        "noise": np.log(observations["noise"][rows, None].astype(np.float64) + 0.1),
        "jpeg_quality": observations["jpeg_quality"][rows].astype(np.float64)[:, None],
        "bytes_per_pixel": np.log(observations["bytes_per_pixel"][rows, None] + 0.01),
        "tile_size": np.log(np.maximum(size, 1)),
        "file_date": order[:, None].astype(np.float64),
        "borders": border_measures(observations["rim"][rows], observations["inner_rim"][rows]),
    }


def border_measures(rim: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """How a tile's outermost ring differs from the ring inside it, in colour and in texture.

    The same tissue runs through both, so that whatever the stain they differ by nothing on
    average; frames, padding, vignettes and marks at the edge do differ. The rim alone would show
    the stain.

    Args:
        rim, inner: (n, 4), mean RGB and mean step.

    Returns:
        (n, 4), grey levels, and the log ratio of steps.
    """
    colour = rim[:, :3].astype(np.float64) - inner[:, :3]
    texture = np.log((rim[:, 3:] + 1.0) / (inner[:, 3:] + 1.0))
    return np.hstack([colour, texture])


def stain_measures(observations: Observations, rows: np.ndarray) -> np.ndarray:
    """(n, k) what is biology in a tile: amounts of both stains, tissue and its density."""
    names = ("dab", "haematoxylin", "tissue", "brown", "dense")
    return np.column_stack([observations[name][rows] for name in names]).astype(np.float64)


def _dab_auc(dab: np.ndarray, target: np.ndarray, groups: np.ndarray | None) -> float | None:
    """Cross-validated ROC-AUC of DAB percentiles and logistic regression: the number to beat."""
    folds = _folds_possible(target, groups)
    if folds < 2:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression())
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    logits = cross_val_predict(
        *(model, dab.astype(np.float64), target),
        groups=groups,
        cv=kind(folds, shuffle=True, random_state=SEED),
        method="decision_function",
    )
    return round(float(placements(np.asarray(logits), target)[target].mean()), 3)


def _folds_possible(target: np.ndarray, groups: np.ndarray | None) -> int:
    units = np.arange(len(target)) if groups is None else groups
    return min(5, len(np.unique(units[target])), len(np.unique(units[~target])))


def _ties(
    measures: dict[str, np.ndarray], groups: np.ndarray | None
) -> dict[tuple[str, str], float]:
    """Adjusted R² of each measure of the slides on each other one, by names."""
    codes = None if groups is None else slide_codes(groups)
    of = {name: x if codes is None else medians(x, codes) for name, x in measures.items()}
    return {(a, b): _explained(of[a], of[b]) for a in of for b in of if a != b}


def _explained(by: np.ndarray, values: np.ndarray) -> float:
    """Adjusted share of the variance of (m, d) values that (m, k) others explain, 0 to 1."""
    m, k = by.shape
    aim = values - values.mean(axis=0)
    total = aim.std(axis=0) > 1e-9
    if m <= k + 1 or not total.any():
        return 0.0
    aim = aim[:, total] / aim[:, total].std(axis=0)
    about = np.column_stack([np.ones(m), by])
    left = aim - about @ np.linalg.lstsq(about, aim, rcond=None)[0]
    share = 1 - (left**2).sum() / (aim**2).sum()
    return float(max(1 - (1 - share) * (m - 1) / (m - k - 1), 0.0))

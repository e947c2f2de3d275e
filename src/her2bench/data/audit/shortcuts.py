"""Shortcuts: how well the target is foretold from what should not matter, beside the stain."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from her2bench.core.findings import Finding
from her2bench.data.audit.evidence import Evidence, Found
from her2bench.data.audit.foretelling import Foretold, foretell
from her2bench.data.audit.freed import freed
from her2bench.data.audit.observations import Observations
from her2bench.evaluation.roc import placements
from her2bench.evaluation.significance import holm

LEVEL = 0.01
"""Chance of any false shortcut in an audit: an audit that cries wolf is soon left out."""
MATERIAL = 0.6
"""ROC-AUC below which a shortcut is not worth a word, however many slides prove it."""
WITHOUT_SLIDES = 0.75
"""ROC-AUC from which a shortcut is named where slides are unknown: what is needed for the same
certainty with about 50 slides, as many as BCI has."""
SEED = 0


@dataclass(frozen=True)
class Shortcut:
    """Something about a tile that should not tell its target.

    Attributes:
        name: as in `audit.json`.
        label: as in a sentence.
        stained: whether the tissue shows in it, so that it must be freed from the stain.
        seen: whether a network can see it.
        cure: what to do about it.
    """

    name: str
    label: str
    stained: bool
    seen: bool
    cure: str


_COLOURS = (
    "compare within scanners or backgrounds, train with colour and brightness jitter or divide "
    "each tile by its white point, and add slides of the missing kinds; the comparison's "
    "background_baseline is the number to beat"
)
SHORTCUTS = (
    Shortcut("background", "the background's colour (white point)", True, True, _COLOURS),
    Shortcut(
        *("sharpness", "sharpness", True, True),
        "blur and sharpen tiles at random in training, or bring all slides to one scanner setting",
    ),
    Shortcut(
        *("noise", "the sensor's noise", True, True),
        "add noise at random in training, or export all slides in the same way",
    ),
    Shortcut(
        *("jpeg_quality", "JPEG quality", False, True),
        "export all slides from the originals with one format and quality",
    ),
    Shortcut(
        *("bytes_per_pixel", "file size", True, True),
        "export all slides from the originals with one format and quality",
    ),
    Shortcut(
        *("tile_size", "the tile's size in pixels", False, True),
        "cut all tiles to one size and resolution: after resizing the sizes still show in the "
        "texture",
    ),
    Shortcut(
        *("file_date", "the order of the files' dates", False, False),
        "no network sees it, but classes that were scanned or exported at different times may "
        "differ in more: ask how the data were made",
    ),
    Shortcut(
        *("borders", "the tile's borders", False, True),
        "look at the borders of tiles of both classes; crop them off if they differ",
    ),
)
TOGETHER = "together"


def check_shortcuts(evidence: Evidence) -> Found:
    """The target foretold from each shortcut, from all together, and from DAB (to compare).

    A shortcut is a finding if its ROC-AUC is above chance with slides as the unit (permutation
    test, Holm over all that were looked at) and at least 0.6. Where slides are unknown there is
    no honest test; then it is one from 0.75, with that said.
    """
    rows = np.flatnonzero(evidence.readable)
    target = evidence.target[rows].astype(bool)
    groups = None if evidence.groups is None else evidence.groups[rows].astype(str)
    if min(target.sum(), (~target).sum()) < 2:
        return Found(left_out="the tiles that can be read hold one class only")
    plain = shortcut_measures(evidence.observations, rows)
    stain = stain_measures(evidence.observations, rows)
    clean = {
        s.name: freed(plain[s.name], stain, groups) if s.stained else plain[s.name]
        for s in SHORTCUTS
    }
    clean[TOGETHER] = np.hstack([clean[s.name] for s in SHORTCUTS if s.seen])
    rng = np.random.default_rng(SEED)
    told = {name: foretell(x, target, groups, rng.spawn(1)[0]) for name, x in clean.items()}
    dab = _dab_auc(evidence.observations["dab"][rows], target, groups)
    measured: dict[str, float | str | None] = {"roc_auc_dab": dab}
    measured |= {f"roc_auc_{name}": round(each.auc, 3) for name, each in told.items()}
    for s in SHORTCUTS:
        if s.stained:
            raw = foretell(plain[s.name], target, groups, rng.spawn(1)[0], permutations=0)
            measured[f"roc_auc_{s.name}_with_stain"] = round(raw.auc, 3)
    return Found(_findings(told, dab), measured)


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
        "background": np.column_stack([level, middle**2, white[:, 0] - white[:, 2]]),
        "sharpness": observations["sharpness"][rows].astype(np.float64),
        "noise": observations["noise"][rows].astype(np.float64)[:, None],
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
    return round(float(placements(logits, target)[target].mean()), 3)


def _folds_possible(target: np.ndarray, groups: np.ndarray | None) -> int:
    units = np.arange(len(target)) if groups is None else groups
    return min(5, len(np.unique(units[target])), len(np.unique(units[~target])))


def _findings(told: dict[str, Foretold], dab: float | None) -> tuple[Finding, ...]:
    p_adjusted = holm(np.array([told[s.name].p_value for s in SHORTCUTS]))
    found = [
        _finding(s, told[s.name], p, dab)
        for s, p in zip(SHORTCUTS, p_adjusted, strict=True)
        if _reported(told[s.name], float(p))
    ]
    return tuple(found)


def _reported(told: Foretold, p_adjusted: float) -> bool:
    if told.slides == 0:
        return told.auc >= WITHOUT_SLIDES
    return p_adjusted < LEVEL and told.auc >= MATERIAL


def _finding(s: Shortcut, told: Foretold, p_adjusted: float, dab: float | None) -> Finding:
    beside = "" if dab is None else f"; the DAB stain itself reaches {dab:.2f}"
    known = f"adjusted p = {p_adjusted:.2g} with slides as the unit"
    unknown = "slides unknown: tiles taken as independent, so this may be chance between slides"
    severity = "serious" if told.slides and told.auc >= 0.7 else "warning"
    return Finding(
        kind=f"shortcut_{s.name}",
        severity=severity if s.seen else "note",
        title=f"{s.label[0].upper()}{s.label[1:]} alone tells the target with a ROC-AUC of "
        f"{told.auc:.2f} on slides not seen ({known if told.slides else unknown}){beside}",
        number=round(told.auc, 3),
        unit="ROC-AUC",
        effect="a network can score well without looking at the stain, and would fail on slides "
        "where this does not go with the label"
        if s.seen
        else "the classes were not made alike; something that a network does see may go with it",
        cure=s.cure,
        rank=100 * told.auc,
    )

"""docs/study.md: every number of it, from the figures that the study printed."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings
from her2bench.training.recipe import positive_weight
from tests.evaluation.conftest import STUDY

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
MODELS = ("lenet", "alexnet", "mini_hahnet")
TILES, POSITIVES = 3896, 2775
# In percent: accuracy, precision, recall. Then ROC-AUC.
PRINTED = {
    "train": {"lenet": (83.1, 94.6, 80.9), "alexnet": (71.2, 78.7, 81.9),
              "mini_hahnet": (71.9, 71.9, 99.2)},
    "val": {"lenet": (70.6, 83.8, 72.3), "alexnet": (71.0, 78.1, 81.8),
            "mini_hahnet": (72.4, 72.7, 98.9)},
}  # fmt: skip
AUC = {"lenet": (0.940, 0.778), "alexnet": (0.769, 0.776), "mini_hahnet": (0.808, 0.819)}
TRAINING = {
    "lenet": (1801, 102, 424, 790),
    "alexnet": (1822, 492, 403, 400),
    "mini_hahnet": (2196, 859, 17, 45),
}
COUNTS = {"train": TRAINING, "val": STUDY}


def printed_as(share, percent):
    """Whether a share is printed as this percentage, rounded or cut to one decimal."""
    return (np.abs(100 * share - percent) < 0.05) | (np.floor(1000 * share) == round(10 * percent))


def fitting(tiles, positives, printed):
    """All (TP, FP, FN, TN) that give the printed accuracy, precision and recall."""
    accuracy, precision, recall = printed
    tp, fp = np.ogrid[1 : positives + 1, 0 : tiles - positives + 1]
    fits = printed_as((tp + tiles - positives - fp) / tiles, accuracy)
    fits &= printed_as(tp / (tp + fp), precision) & printed_as(tp / positives, recall)
    found = ((int(t) + 1, int(f)) for t, f in np.argwhere(fits))
    return [(t, f, positives - t, tiles - positives - f) for t, f in found]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("side", ["train", "val"])
def test_the_counts_give_the_printed_percentages(side, model):
    tp, fp, fn, tn = counts = COUNTS[side][model]
    found = fitting(sum(counts), tp + fn, PRINTED[side][model])
    assert counts in found
    several = {"lenet": 11, "alexnet": 7, "mini_hahnet": 14}
    assert len(found) == (1 if side == "val" else several[model])
    assert f"{tp:,} / {fp:,} / {fn:,} / {tn:,}" in PAGE


@pytest.mark.parametrize("model", MODELS)
def test_training_and_validation_are_all_tiles_and_all_positives(model):
    both = np.add(TRAINING[model], STUDY[model])
    assert (both.sum(), both[0] + both[2]) == (TILES, POSITIVES)
    assert sum(STUDY[model]) == int(0.2 * TILES) == 779


@pytest.mark.parametrize("side", ["train", "val"])
def test_rates_of_the_page(side):
    each = [COUNTS[side][model] for model in MODELS]
    accuracy = [(tp + tn) / (tp + fp + fn + tn) for tp, fp, fn, tn in each]
    constant = [(tp + fn) / (tp + fp + fn + tn) for tp, fp, fn, tn in each]
    specificity = [tn / (fp + tn) for tp, fp, fn, tn in each]
    recall = [tp / (tp + fn) for tp, fp, fn, tn in each]
    balanced = [(a + b) / 2 for a, b in zip(recall, specificity, strict=True)]
    table = rows_of("### Training" if side == "train" else "### Validation")
    for name, values, digits in (
        ("accuracy", accuracy, 4),
        ("accuracy of “always positive”", constant, 4),
        ("recall", recall, 3),
        ("specificity", specificity, 3),
        ("balanced accuracy", balanced, 3),
        ("ROC-AUC, as printed", [AUC[model][side == "val"] for model in MODELS], 3),
    ):
        assert table[name] == [f"{value:.{digits}f}".lstrip("0") for value in values], name


def rows_of(heading):
    """The rows of the table under a heading: name → its three cells."""
    section = PAGE.split(heading)[1].split("###")[0].split("\n\n1. ")[0]
    rows = [[c.strip(" *") for c in row.split("|")[1:-1]] for row in re.findall(r"\|.*\|", section)]
    return {name: cells for name, *cells in rows}


def test_mini_hahnets_roc_auc_is_not_shown_to_be_better():
    """Hanley & McNeil 1982, Radiology 143, formulas 1 and 2, tiles and sets independent."""

    def variance(auc, positives, negatives):
        q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        spread = (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
        return (auc * (1 - auc) + spread) / (positives * negatives)

    def p_value(a, b):
        both = [(AUC[m][1], *np.reshape(STUDY[m], (2, 2)).sum(axis=0)) for m in (a, b)]
        z = (both[0][0] - both[1][0]) / math.sqrt(sum(variance(*each) for each in both))
        return 2 * norm.sf(z)

    found = [f"{p_value('mini_hahnet', other):.3f}" for other in ("lenet", "alexnet")]
    assert found == ["0.066", "0.055"]
    assert f"p = {found[0]} and {found[1]}" in PAGE


def test_weight_threshold_and_loss_of_the_page():
    weight = positive_weight("total/positives", POSITIVES, TILES - POSITIVES)
    assert f"{weight:.3f}" == "1.404" and f"{math.log(weight):.2f}" == "0.34"
    assert f"{positive_weight('negatives/positives', POSITIVES, TILES - POSITIVES):.3f}" == "0.404"
    assert f"{1 / (1 + math.exp(-0.5)):.3f}" == "0.622" and math.log(weight) < 0.5
    batches = math.ceil((TILES - 779) / 32)
    assert (batches, math.ceil(TILES / 32), f"{batches / 122:.3f}") == (98, 122, "0.803")
    for figure in ("1.404", "0.404", "0.34", "0.622", "98", "122", "0.803", "3,896", "2,775"):
        assert figure in PAGE
    tp, _, fn, tn = STUDY["mini_hahnet"]
    assert (tp + tn) - (tp + fn) == 2 and "two tiles above" in PAGE


def test_learning_rates_of_the_page():
    config = load_settings(ComparisonConfig, ROOT / "configs" / "notebook.toml")
    rates = [config.recipe.rates_for(model)[0] for model in MODELS]
    assert rates[0] == pytest.approx(10 * rates[1]) and rates[1] == rates[2]

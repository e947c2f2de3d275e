"""The simulation by placement has the truth it states and the shapes it names."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.few_slides import shift_for
from benchmarks.placed import Placed
from benchmarks.shapes import SHAPES, auc_rates
from benchmarks.tables import Tables
from sklearn.metrics import roc_auc_score

from her2bench.evaluation.statistics.probabilistic import calibration_error_influence


def drawn(study, seed=0, slides=4000, tiles=8):
    return replace(study, slides=slides, tiles=tiles).draw(np.random.default_rng(seed))


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("name", [name for name in SHAPES if "40%" not in name])
def test_every_shape_has_its_auc_and_its_share_of_positives(name, mixed):
    study = replace(SHAPES[name], mixed=mixed, gap=0.1)
    if study.wrong or study.five:  # which reach 0.9 at most
        study = replace(study, gap=0.05)
    sample, answers, truths = drawn(study)
    for each, truth, wanted in zip(answers[:2], truths, (0.8 + study.gap, 0.8), strict=False):
        auc = roc_auc_score(sample.targets, each.logits[0])
        assert truth == pytest.approx(wanted)
        assert auc == pytest.approx(wanted, abs=0.025)
    assert sample.targets.mean() == pytest.approx(study.prevalence, abs=0.03)


@pytest.mark.parametrize("auc", [0.95, 0.99])
def test_high_aucs(auc):
    sample, answers, _ = drawn(Placed(auc=auc, heavy=True))
    got = roc_auc_score(sample.targets, answers[1].logits[0])
    assert 1 - got == pytest.approx(1 - auc, rel=0.12)


def test_one_slide_holds_two_fifths():
    sample, _, _ = drawn(SHAPES["one slide with 40% of tiles"], slides=51)
    sizes = np.sort(np.bincount(sample.groups))
    assert sizes[-1] / sizes.sum() == pytest.approx(0.4, abs=0.001)
    assert sizes[-2] / sizes.sum() < 0.15


def test_the_other_shapes_are_what_they_say():
    sample, (model, _), _ = drawn(SHAPES["five distinct probabilities"])
    assert len(np.unique(model.probabilities)) == 5
    sample, (_, memoriser), _ = drawn(replace(SHAPES["one model memorises slides"], mixed=False))
    within = [np.ptp(memoriser.logits[0][sample.groups == slide]) for slide in range(50)]
    assert np.median(within) < 0.3 * np.ptp(memoriser.logits[0])
    sample, (model, _), _ = drawn(SHAPES["larger slides are harder"], tiles=19)
    large = (np.bincount(sample.groups) > 25)[sample.groups]
    easy, hard = (
        roc_auc_score(sample.targets[part], model.logits[0][part]) for part in (~large, large)
    )
    assert hard < easy - 0.05
    sizes = np.bincount(drawn(SHAPES["Pareto sizes"], slides=2000, tiles=19).sample.groups)
    assert sizes.max() > 15 * np.median(sizes)


def test_folds_are_whole_slides_of_both_classes_and_are_shifted():
    study = Placed(mixed=False, offsets=(0.0, 1.0))
    sample, (still, moved), _ = study.draw(np.random.default_rng(3))
    assert moved.folds is not None
    folds = moved.folds[0]
    for slide in range(sample.n_groups):
        assert len(np.unique(folds[sample.groups == slide])) == 1
    for fold in range(5):
        assert len(np.unique(sample.targets[folds == fold])) == 2
    means = [[each.logits[0][folds == f].mean() for f in range(5)] for each in (still, moved)]
    assert np.std(means[1]) > 2 * np.std(means[0])


def test_seeds_of_a_volatile_recipe_differ_more():
    study = Placed(slides=300, seeds=5, seed_sd=(0.0, 0.05), own=(0.1, 0.9))
    sample, answers, truths = study.draw(np.random.default_rng(1))
    stable, volatile = (
        np.std([roc_auc_score(sample.targets, logits) for logits in each.logits])
        for each in answers
    )
    assert volatile > 2 * stable and truths[0] == pytest.approx(0.8) and truths[1] != truths[0]


@pytest.mark.parametrize("error", [0.0, 0.05, 0.17])
@pytest.mark.parametrize("bins", [5, 15])
def test_the_calibration_error_is_known(error, bins):
    study = Placed(models=1, shift=shift_for(error, 0.72, 0.8))
    sample, (model,), _ = drawn(study, slides=8000)
    [run] = model.with_truth(sample.targets, bins)
    got, _ = calibration_error_influence(run)
    assert got == pytest.approx(error, abs=0.012)


def test_exactly_so_many_slides_of_a_class():
    sample, _, _ = Placed(of_class=(3, 5), mixed=False).draw(np.random.default_rng(0))
    assert (sample.positive_groups, sample.negative_groups) == (3, 5)


def test_a_cell_does_not_depend_on_the_jobs():
    study, rates = replace(SHAPES["plain"], slides=20), []
    for jobs in (1, 2):
        with ProcessPoolExecutor(jobs) as pool:
            tables = Tables(20, pool)
            cells = [tables.start(auc_rates, each) for each in (study, replace(study, auc=0.9))]
            rates.append([tables.rates(cell) for cell in cells])
    assert rates[0] == rates[1] and rates[0][0] != rates[0][1]

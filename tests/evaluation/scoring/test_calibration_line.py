"""Calibration intercept and slope against statsmodels, with errors clustered by slide."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import special, stats
from tests.evaluation.conftest import answers_of

from her2bench.evaluation.scoring.calibration_line import calibration_line
from her2bench.evaluation.statistics.arrays import LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.calibration_fits import fit_intercept, fit_slope


def drawn(seed=0, slides=30):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(slides), rng.integers(5, 15, slides))
    z = rng.normal(size=len(groups)) * 1.5 + rng.normal(size=slides)[groups]
    targets = rng.random(len(z)) < special.expit(0.6 * z - 0.4)
    return LabelledTiles(targets, groups), z


def robust(model, groups):
    """statsmodels' sandwich, without its own factor for few slides."""
    options = {"groups": groups, "use_correction": False}
    return model.fit(cov_type="cluster", cov_kwds=options)


def test_values_and_sandwich_are_those_of_statsmodels():
    sample, z = drawn()
    family = sm.families.Binomial()
    both = robust(sm.GLM(sample.targets, sm.add_constant(z), family=family), sample.groups)
    large = robust(
        sm.GLM(sample.targets, np.ones((len(z), 1)), family=family, offset=z), sample.groups
    )
    for fit, theirs, place in ((fit_intercept, large, 0), (fit_slope, both, 1)):
        value, influence = fit(z, sample.targets)
        assert value == pytest.approx(theirs.params[place], abs=1e-8)
        error = np.sqrt((sample.sums(influence) ** 2).sum())
        assert error == pytest.approx(theirs.bse[place], rel=1e-6)


def test_the_interval_holds_the_truth_and_leaves_out_perfect_calibration():
    sample, z = drawn(seed=1, slides=300)
    found = calibration_line(sample, answers_of(z), 0.95)
    low, high = found["calibration_slope"].interval
    assert low < 0.6 < high < 1
    assert found["calibration_intercept"].interval.high < 0


def test_the_interval_is_students_by_the_jackknife_over_slides():
    sample, z = drawn()
    found = calibration_line(sample, answers_of(z), 0.95)["calibration_slope"]
    refitted = []
    for slide in range(sample.n_groups):
        kept = sample.groups != slide
        refitted.append(fit_slope(z[kept], sample.targets[kept])[0])
    error = np.sqrt(((np.array(refitted) - found.value) ** 2).sum())
    half = (found.interval.high - found.interval.low) / 2
    assert half == pytest.approx(stats.t.ppf(0.975, sample.n_groups - 1) * error, rel=0.08)


def test_seeds_are_averaged():
    sample, z = drawn()
    one, other = (calibration_line(sample, answers_of(x), 0.95) for x in (z, 2 * z))
    both = calibration_line(sample, answers_of(np.stack([z, 2 * z])), 0.95)
    for name, found in both.items():
        assert found.value == pytest.approx((one[name].value + other[name].value) / 2)


def test_what_is_undefined_has_no_number():
    targets = np.arange(24) % 4 < 2
    sample = LabelledTiles(targets, np.arange(24) // 4)
    parted = calibration_line(sample, answers_of(np.where(targets, 2.0, -2.0)), 0.95)
    assert np.isnan(parted["calibration_slope"].value)
    constant = calibration_line(sample, answers_of(np.ones(24)), 0.95)
    assert np.isnan(constant["calibration_slope"].value)
    assert constant["calibration_intercept"].value == pytest.approx(-1)
    one_class = LabelledTiles(np.ones(24, bool), np.arange(24) // 4)
    found = calibration_line(one_class, answers_of(np.arange(24.0)), 0.95)
    assert np.isnan([line.value for line in found.values()]).all()


def test_probabilities_of_0_and_1_do_not_run_away():
    sample, z = drawn()
    p = special.expit(z)
    p[:2], p[2] = 0.0, 1.0
    answers = ModelPredictions("m", (0,), z[None], p[None], z[None] > 0)
    found = calibration_line(sample, answers, 0.95)
    assert np.isfinite([line.value for line in found.values()]).all()


def test_two_slides_of_a_class_have_no_interval():
    sample, z = drawn()
    few = LabelledTiles(sample.groups < 2, sample.groups)
    found = calibration_line(few, answers_of(z), 0.95)
    assert all(np.isnan(line.interval.low) for line in found.values())


@pytest.mark.parametrize("every_tenth", ["both classes", "one class", "parted"])
def test_a_start_from_a_tenth_of_the_tiles_changes_nothing(monkeypatch, every_tenth):
    rng = np.random.default_rng(4)
    logits = rng.normal(0.3, 2.0, 3000)
    targets = rng.random(3000) < 1 / (1 + np.exp(-0.7 * logits))
    if every_tenth == "one class":
        targets[::10] = True
    if every_tenth == "parted":
        targets[::10] = logits[::10] > 0
    plain = [fit(logits, targets) for fit in (fit_intercept, fit_slope)]
    monkeypatch.setattr("her2bench.evaluation.statistics.calibration_fits.MANY", 200)
    started = [fit(logits, targets) for fit in (fit_intercept, fit_slope)]
    for (value, influence), (again, as_well) in zip(plain, started, strict=True):
        assert again == pytest.approx(value, abs=1e-9)
        assert as_well == pytest.approx(influence, abs=1e-12)

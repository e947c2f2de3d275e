"""Temperature and Platt scaling undo what they are for, and stay finite."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from tests.evaluation.conftest import overconfident

from her2bench.evaluation.statistics.calibration_fits import fit_platt, fit_temperature


def test_temperature_undoes_overconfidence():
    scaling = fit_temperature(*overconfident(0))
    assert 1 / scaling.slope == pytest.approx(3, rel=0.1) and scaling.intercept == 0


def test_platt_undoes_a_shift_too():
    scaling = fit_platt(*overconfident(1, shift=2.0))
    assert scaling.slope == pytest.approx(1 / 3, rel=0.1)
    assert scaling.intercept == pytest.approx(-2 / 3, rel=0.15)


def test_platt_is_scikit_learns_sigmoid():
    """Platt scaling of a logistic model's own decision values, in scikit-learn's clothes."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 1)), rng.random(300) < 0.4
    x = x + y[:, None]
    from sklearn.frozen import FrozenEstimator

    model = LogisticRegression().fit(x, y)
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method="sigmoid").fit(x, y)
    [calibrator] = theirs.calibrated_classifiers_[0].calibrators
    ours = fit_platt(model.decision_function(x), y)
    assert (ours.slope, ours.intercept) == pytest.approx((-calibrator.a_, -calibrator.b_), rel=1e-3)


@pytest.mark.parametrize(
    "logits", [np.full(50, 16.0), np.r_[np.full(25, -700.0), np.full(25, 40.0)]]
)
def test_constant_and_extreme_logits_stay_finite(logits):
    targets = np.arange(50) >= 25
    for scaling in (fit_temperature(logits, targets), fit_platt(logits, targets)):
        assert np.isfinite([scaling.slope, scaling.intercept]).all()
        assert np.isfinite(scaling.probabilities(logits)).all()


def test_parted_classes_do_not_run_away():
    logits = np.r_[np.full(20, -1.0), np.full(30, 1.0)]
    scaling = fit_platt(logits, logits > 0)
    assert scaling.probabilities(np.array([1.0]))[0] == pytest.approx(31 / 32, abs=1e-4)
    assert scaling.probabilities(np.array([-1.0]))[0] == pytest.approx(1 / 22, abs=1e-4)

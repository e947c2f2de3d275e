import numpy as np
import pytest

from her2bench.audit.checks.shortcuts import check_shortcuts

SLIDES, TILES = 40, 10


@pytest.fixture
def study(evidence_of):
    """`study(slide_effects)`: 40 slides, 28 positive, measures changed by (slides,) effects."""

    def make(known=True, **changed):
        groups = np.repeat(np.arange(SLIDES), TILES)
        scores = np.where(np.arange(SLIDES) < 28, 3, 0)[groups]
        rng = np.random.default_rng(0)
        values = {}
        for name, effect in changed.items():
            noise = 0.05 * effect.std(axis=0) * rng.normal(size=(len(groups), *effect.shape[1:]))
            values[name] = effect[groups] + noise
        return evidence_of(scores, groups if known else None, **values)

    return make


POSITIVE = np.arange(SLIDES) < 28


def noisy(effect, seed=1):
    return effect + 0.35 * np.random.default_rng(seed).normal(size=SLIDES)


def test_nothing_telling_is_clean_and_measured(study):
    found = check_shortcuts(study())
    assert found.findings == ()
    assert found.measured["roc_auc_jpeg_quality"] == 0.5
    assert {"roc_auc_dab", "roc_auc_together", "roc_auc_sharpness_with_stain"} <= set(
        found.measured
    )


def test_a_telling_background_is_serious(study):
    white = 215 + 20 * noisy(POSITIVE)[:, None] * np.ones(3)
    (finding,) = check_shortcuts(study(white=white)).findings
    assert (finding.kind, finding.severity) == ("shortcut_background", "serious")
    assert finding.number > 0.8


def test_what_goes_along_with_the_background_is_told_with_it(study):
    effect = noisy(POSITIVE)
    sharp = np.column_stack([-1.1 + 0.05 * effect, -0.8 + 0.1 * effect])
    evidence = study(white=215 + 20 * effect[:, None] * np.ones(3), sharpness=sharp)
    (finding,) = check_shortcuts(evidence).findings
    assert finding.kind == "shortcut_background"
    assert "sharpness (0." in finding.title


@pytest.mark.parametrize(
    ("kind", "measures"),
    [
        ("jpeg_quality", {"jpeg_quality": np.where(POSITIVE, 95, 80).astype(float)}),
        ("tile_size", {"size": np.where(POSITIVE, 512, 256)[:, None] * np.ones(2)}),
        ("bytes_per_pixel", {"bytes_per_pixel": np.where(POSITIVE, 0.2, 0.3)}),
        ("noise", {"noise": np.where(POSITIVE, 0.4, 1.2)}),
        ("borders", {"rim": np.array([180, 170, 170, 4]) + POSITIVE[:, None] * [-30, -30, -30, 0]}),
        ("tint", {"white": 215 + np.where(POSITIVE, 6, 0)[:, None] * np.array([1, 0, -1])}),
    ],
)
def test_each_shortcut_by_its_name(study, kind, measures):
    assert f"shortcut_{kind}" in [f.kind for f in check_shortcuts(study(**measures)).findings]


def test_file_dates_are_only_a_note(study):
    (finding,) = check_shortcuts(study(modified=1.7e9 + 1e5 * noisy(POSITIVE))).findings
    assert (finding.kind, finding.severity) == ("shortcut_file_date", "note")


def test_stain_is_no_shortcut(study):
    """Sharp, large files that owe it all to the stain of positive slides are biology."""
    rng = np.random.default_rng(0)
    evidence = study()
    fields, n = evidence.observations.fields, SLIDES * TILES
    stain = np.where(evidence.target == 1, 1.0, 0.3) * rng.lognormal(0, 0.6, n)
    fields["dab"][:] = stain[:, None] * np.array([0.01, 0.03, 0.06, 0.1, 0.2])
    fields["bytes_per_pixel"][:] = 0.2 * np.exp(0.3 * np.log(stain) + rng.normal(0, 0.05, n))
    fields["sharpness"][:] = -1 + 0.1 * np.log(stain)[:, None] + rng.normal(0, 0.02, (n, 2))
    found = check_shortcuts(evidence)
    assert found.measured["roc_auc_dab"] > 0.8
    assert found.measured["roc_auc_bytes_per_pixel_with_stain"] > 0.9
    assert found.findings == ()


@pytest.mark.slow
def test_without_slides_a_strong_one_is_a_warning_that_says_so(study):
    white = 215 + 20 * noisy(POSITIVE)[:, None] * np.ones(3)
    (finding,) = check_shortcuts(study(known=False, white=white)).findings
    assert finding.severity == "warning"
    assert "slides unknown" in finding.title


def test_one_class_cannot_be_tested(evidence_of):
    assert check_shortcuts(evidence_of([3, 3, 3], "abc")).left_out.kind == "one_class"

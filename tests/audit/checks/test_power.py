import numpy as np

from her2bench.audit.checks.power import check_power, design_of, within_slides


def test_design_counts_tiles_of_each_class_by_slide():
    design = design_of(np.array(["b", "a", "b"]), np.array([True, False, False]))
    assert design.positive.tolist() == [0, 1]
    assert design.negative.tolist() == [1, 1]


def many(slides):
    groups = np.repeat(np.arange(slides), 20)
    return np.where(groups % 2, 3, 0), groups


def test_a_small_test_side_is_a_note_with_the_slides_needed(evidence_of):
    scores, groups = many(20)
    split = np.where(groups < 8, "test", "train")
    found = check_power(evidence_of(scores, groups, split))
    (finding,) = found.findings
    assert (finding.kind, finding.severity) == ("low_power", "note")
    assert found.measured["test_slides"] == 8
    assert found.measured["slides_for_difference_of_0.05"] > 100
    assert "grouped-kfold" in finding.hint


def test_where_all_slides_are_tested_only_more_of_them_help(evidence_of):
    (small,) = check_power(evidence_of(*many(8))).findings
    (few,) = check_power(evidence_of([0, 0, 3, 3, 3], "aabbc")).findings
    assert small.hint == "add slides" and few.hint == "add slides of that class"
    assert few.title == "Of the 3 slides to be tested on, only 1 holds one of the classes"


def test_where_no_difference_can_be_seen_it_says_so_plainly(evidence_of):
    (finding,) = check_power(evidence_of(*many(4))).findings
    assert "even the largest difference in ROC-AUC is mostly not detected" in finding.title


def test_many_slides_are_clean(evidence_of):
    scores, groups = many(200)
    found = check_power(evidence_of(scores, groups))
    assert found.findings == ()
    assert 0.02 < found.measured["detectable_difference"] < 0.1


def test_one_slide_of_a_class_shows_nothing(evidence_of):
    found = check_power(evidence_of([0, 0, 3, 3, 3], "aabbc"))
    assert [finding.kind for finding in found.findings] == ["too_few_test_slides"]
    assert found.measured["detectable_difference"] is None


def test_without_slides_it_is_left_out(evidence_of):
    assert check_power(evidence_of([0, 3])).left_out.kind == "slides_unknown"


def test_correlation_within_slides_is_the_simulated_one():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), rng.integers(2, 30, 400))
    positive = groups % 3 > 0
    own = rng.normal(size=len(groups))
    scores = np.sqrt(0.4) * rng.normal(size=400)[groups] + np.sqrt(0.6) * own
    found = within_slides(np.exp(scores + positive), positive, groups.astype(str))
    assert abs(found - 0.4) < 0.06
    assert within_slides(own, positive, groups.astype(str)) < 0.02


def test_correlation_is_unknown_where_slides_have_one_tile():
    assert np.isnan(within_slides(np.arange(4.0), np.arange(4) < 2, np.array(list("abcd"))))

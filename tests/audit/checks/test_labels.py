import numpy as np
import pytest

from her2bench.audit.checks.labels import check_labels


def kinds(found):
    return [finding.kind for finding in found.findings]


def test_ordinary_labels_are_clean_and_counted(evidence_of):
    evidence = evidence_of([0, 1, 2, 3], "abcd", ["train", "test", "train", "test"])
    found = check_labels(evidence)
    assert found.findings == ()
    assert found.measured["tiles_by_score"] == "0: 1, 1+: 1, 2+: 1, 3+: 1"
    assert found.measured["slides_by_score"] == "0: 1, 1+: 1, 2+: 1, 3+: 1"
    assert found.measured["positive_share_test"] == 0.5


def test_unstained_tiles_of_positive_slides_are_listed_palest_first(evidence_of):
    brown = [0.001, 0.01, 0.3, 0.3, 0.002, 0.3]
    found = check_labels(evidence_of([0, 2, 2, 3, 3, 3], brown=brown))
    (finding,) = found.findings
    assert finding.kind == "unstained_tiles_in_positive_slides"
    assert finding.tiles == (("t4",), ("t1",))
    assert finding.severity == "note"


def test_most_positive_tiles_unstained_is_a_warning_and_names_slides(evidence_of):
    brown = [0.3] * 3 + [0.001] * 5
    found = check_labels(evidence_of([0, 3, 3] + [2] * 5, "abb" + "c" * 5, brown=brown))
    (finding,) = found.findings
    assert finding.severity == "warning"
    assert finding.slides == ("c",)


def test_a_tile_without_tissue_is_unstained_whatever_its_colour(evidence_of):
    found = check_labels(evidence_of([0, 3, 3, 3], tissue=[0.7, 0.01, 0.7, 0.7]))
    assert found.findings[0].tiles == (("t1",),)


def test_unreadable_tiles_are_not_called_unstained(evidence_of):
    found = check_labels(evidence_of([0, 3, 3], brown=[0.3, 0.0, 0.3], bad={1: "empty file"}))
    assert found.findings == ()


def test_the_ceiling_is_what_a_right_reader_of_tiles_reaches(evidence_of):
    scores = np.array([0, 0, 0, 0, 3, 3, 3, 3, 3, 3])
    own = [0, 1, 2, None, 3, 2, 2, 3, 0, None]
    found = check_labels(evidence_of(scores, columns={"tile_score": own}))
    (finding,) = found.findings
    assert finding.tiles == (("t2",), ("t8",))
    assert found.measured["tiles_against_slide_label"] == pytest.approx(2 / 8)
    assert found.measured["accuracy_ceiling"] == pytest.approx(6 / 8)
    assert "0.750 on the scored tiles" in finding.title


def test_another_column_can_hold_the_tile_score(evidence_of):
    evidence = evidence_of([0, 3], columns={"by_eye": [3, 3]})
    assert check_labels(evidence, "by_eye").measured["tiles_against_slide_label"] == 0.5
    assert "accuracy_ceiling" not in check_labels(evidence).measured


def test_a_side_of_one_class_is_serious(evidence_of):
    evidence = evidence_of([0, 3, 3, 3], "abcd", ["train", "train", "test", "test"])
    (finding,) = check_labels(evidence).findings
    assert (finding.kind, finding.severity) == ("one_class_only", "serious")
    assert "test" in finding.title


def test_a_fold_of_one_class_is_a_note_since_folds_are_judged_together(evidence_of):
    found = check_labels(evidence_of([0, 0, 0, 3], split=["fold 0", "fold 0", "fold 1", "fold 1"]))
    (finding,) = (f for f in found.findings if f.kind == "one_class_only")
    assert finding.severity == "note" and "fold 0" in finding.title


def test_imbalance(evidence_of):
    assert kinds(check_labels(evidence_of([0] + [3] * 19))) == ["class_imbalance"]


def test_a_slide_with_two_scores_among_slides_with_one(evidence_of):
    found = check_labels(evidence_of([0, 0, 3, 3, 2, 3], "aabbcc"))
    (finding,) = found.findings
    assert (finding.kind, finding.slides) == ("slide_with_two_scores", ("c",))


def test_tile_labels_are_no_slips(evidence_of):
    assert check_labels(evidence_of([0, 3, 3, 0, 2, 1], "aabbcc")).findings == ()

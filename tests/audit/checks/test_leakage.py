from her2bench.audit.checks.leakage import check_leakage


def test_slides_on_two_sides_are_counted_by_pair(evidence_of):
    groups = ["a", "a", "b", "b", "c", "c", "d", "d"]
    split = ["train", "test", "train", "val", "val", "test", "test", "test"]
    found = check_leakage(evidence_of([0, 0, 3, 3, 0, 0, 3, 3], groups, split))
    (finding,) = found.findings
    assert finding.kind == "groups_on_both_sides"
    assert finding.severity == "serious"
    assert finding.slides == ("a", "b", "c")
    assert finding.tiles == (("t0", "t1"), ("t2", "t3"), ("t4", "t5"))
    assert "3 of 4 slides" in finding.title
    assert "4 of 6 tiles" in finding.title
    assert found.measured == {
        "slides_in_train_and_val": 1,
        "slides_in_train_and_test": 1,
        "slides_in_val_and_test": 1,
    }


def test_whole_slides_are_clean(evidence_of):
    found = check_leakage(evidence_of([0, 0, 3, 3], "aabb", ["train", "train", "test", "test"]))
    assert found.findings == ()
    assert found.left_out is None


def test_unknown_slides_or_an_empty_column_of_them_are_left_to_the_estimate(evidence_of):
    for evidence in (evidence_of([0, 3]), evidence_of([0, 3], columns={"group_id": [None, None]})):
        found = check_leakage(evidence)
        assert found.findings == () and found.left_out.kind == "slides_unknown"


def test_a_group_for_every_tile_is_no_slide(evidence_of):
    found = check_leakage(evidence_of([0, 3] * 10, range(20)))
    assert [finding.kind for finding in found.findings] == ["groups_of_one_tile"]


def test_without_a_split_the_check_is_left_out(evidence_of):
    assert check_leakage(evidence_of([0, 0, 3], "aab")).left_out.kind == "no_split"


def test_slides_on_several_folds_are_torn(evidence_of):
    split = ["fold 0", "fold 1", "fold 0", "fold 0", "fold 10", "fold 9"]
    found = check_leakage(evidence_of([0, 0, 3, 3, 0, 0], "aabbcc", split))
    (finding,) = found.findings
    assert finding.slides == ("a", "c")
    assert finding.tiles == (("t0", "t1"), ("t5", "t4"))
    assert "4 of 6 tiles" in finding.title

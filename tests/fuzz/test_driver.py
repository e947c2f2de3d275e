"""The driver counts what ends well, and finds, keeps and repeats every planted fault."""

import pytest
from fuzz.driver import Campaign
from fuzz.findings import Findings

KINDS = {"planted": ("tests.fuzz.planted:Planted", 1.0)}


@pytest.fixture
def campaign(tmp_path):
    return Campaign(KINDS, Findings(tmp_path / "kept"), seconds=4, lanes=1, patience=2)


def test_faults_are_counted_and_kept_with_what_was_seen(campaign):
    campaign.run()
    counts = campaign.findings.counts
    assert all(counts["planted", outcome] for outcome in ("accepted", "refused", "fault"))
    ((fault, times),) = campaign.findings.faults.items()
    assert (fault.error, times) == ("KeyError", counts["planted", "fault"])
    assert fault.place.startswith("planted.py:")
    (file,) = campaign.findings.files[fault]  # the same input is kept once
    assert file.read_text(encoding="utf-8") == "fault"
    seen = file.with_name(file.name + ".txt").read_text(encoding="utf-8")
    assert "KeyError: 'planted'" in seen


@pytest.mark.parametrize(
    ("wish", "outcome", "error"),
    [
        ("accepted", "accepted", ""),
        ("refused", "refused", ""),
        ("fault", "fault", "KeyError"),
        ("hang", "hang", "no answer in 2 s"),
        ("death", "death", "exit"),
        ("outside", "fault", "wrote outside the output"),
    ],
)
def test_each_end_of_a_reader_is_told_from_the_others(campaign, tmp_path, wish, outcome, error):
    file = tmp_path / "input.txt"
    file.write_text(wish, encoding="utf-8")
    campaign.again("planted", file)
    assert dict(campaign.findings.counts) == {("planted", outcome): 1}
    for fault in campaign.findings.faults:
        assert error and fault.error.startswith(error)
        assert fault.place.startswith("planted.py:") == (wish != "outside")


def test_a_worker_that_fails_by_itself_is_said(campaign):
    campaign.kinds = {"unfit": ("tests.fuzz.planted:Unfit", 1.0)}
    with pytest.raises(RuntimeError, match=r"(?s)unfit.*no input can be made"):
        campaign.run()

"""Which names of folders are read, and which are not."""

import pytest

from her2bench.data.sources.folder_names import meaning


@pytest.mark.parametrize(
    ("name", "score"),
    [("0", 0), ("1+", 1), ("2", 2), ("her2_2+", 2), ("HER2-0", 0), ("score_3", 3), ("IHC 3+", 3)]
    + [(name, None) for name in ("4", "10", "-1", "class_1", "her2", "2+3", "case 2", "her22", "")],
)
def test_scores(name, score):
    assert meaning(name).score == score


@pytest.mark.parametrize(
    ("name", "status"),
    [("positive", 1), ("NEG", 0), ("her2-pos", 1), ("HER2_negative", 0)]
    + [(name, None) for name in ("low", "positives", "her2+", "equivocal", "0")],
)
def test_status(name, status):
    assert meaning(name).status == status

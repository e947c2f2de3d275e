"""What the settings of the statistics refuse."""

import pytest

from her2bench.evaluation.scoring.settings import ScoreSettings


@pytest.mark.parametrize("replicates", [1, 10, 199])
def test_too_few_replicates_are_refused(replicates):
    with pytest.raises(ValueError, match="at least 200, or 0"):
        ScoreSettings(bootstrap=replicates)


def test_the_primary_metric_is_a_registered_one():
    with pytest.raises(ValueError, match="did you mean 'roc_auc'"):
        ScoreSettings(primary="rocauc")
    with pytest.raises(ValueError, match="no such metric; expected one of roc_auc, average"):
        ScoreSettings(primary="x")

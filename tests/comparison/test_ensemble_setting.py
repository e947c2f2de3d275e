"""Ensembles in a config are of its own models, known before anything is trained."""

from pathlib import Path

import pytest

from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError


def config(ensembles: dict) -> ComparisonConfig:
    given = {
        "manifest": Path("tiles.csv"),
        "models": ["lenet", "alexnet"],
        "score": {"ensembles": ensembles},
    }
    return settings_from(ComparisonConfig, given, "mine.toml")


def test_networks_and_baselines_can_be_members():
    made = config({"all": ["lenet", "alexnet", "dab_baseline"]})
    assert made.score.ensembles == {"all": ("lenet", "alexnet", "dab_baseline")}


@pytest.mark.parametrize(
    ("ensembles", "message"),
    [
        ({"all": ["lenet", "alexnt"]}, "did you mean 'alexnet'"),
        ({"lenet": ["lenet", "alexnet"]}, "is the name of a model"),
    ],
)
def test_others_are_refused_before_training(ensembles, message):
    with pytest.raises(UserError, match=message):
        config(ensembles)

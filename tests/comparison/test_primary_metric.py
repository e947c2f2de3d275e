"""A primary metric that the models cannot have is refused before anything is trained."""

import pytest
from pydantic import ValidationError

from her2bench.comparison.config import ComparisonConfig

CONFIG = {
    "manifest": "tiles.csv",
    "models": ["lenet"],
    "recipe": {"learning_rates": [1e-3]},
    "score": {"primary": "quadratic_kappa"},
}


def test_a_metric_of_the_scores_needs_the_endpoint_of_the_scores() -> None:
    made = ComparisonConfig.model_validate(CONFIG | {"endpoint": "score", "slide": {}})
    assert made.score.primary == "quadratic_kappa"
    with pytest.raises(
        ValidationError, match="metric of the four scores: write endpoint = 'score'"
    ):
        ComparisonConfig.model_validate(CONFIG)


def test_slides_have_it_by_the_mean_of_their_tiles() -> None:
    other = CONFIG | {"endpoint": "score", "slide": {"aggregate": "median"}}
    with pytest.raises(ValidationError, match=r"slide\.aggregate = 'mean' alone"):
        ComparisonConfig.model_validate(other)

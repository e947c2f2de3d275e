"""Settings of the training that are refused."""

import pytest

from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.training.recipe import Recipe


def test_wrong_recipes_are_refused():
    for wrong in (
        *({"learning_rates": rates} for rates in ([0.0], [], [1e-4, 1e-4])),
        *({"pos_weight": weight} for weight in ("balanced", -3, float("nan"))),
        {"warmup": 20.0, "epochs": 20},
        {"patience": 3, "keep": "last"},
        {"average": 1.0},
    ):
        with pytest.raises(UserError, match=next(iter(wrong))):
            settings_from(Recipe, wrong, "a.toml")

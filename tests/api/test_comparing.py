"""What `hb.compare` makes of its config before anything is trained."""

import pytest

from her2bench.api.comparing import _resolved
from her2bench.core.errors import UserError

CONFIG = {"manifest": "m.csv", "models": ["lenet"]}


def test_overrides_hold_for_a_config_given_as_a_dict():
    resolved = _resolved(CONFIG, ["recipe.epochs=3"], ("mine",))
    assert resolved.recipe.epochs == 3 and resolved.models == ("lenet", "mine")
    assert CONFIG == {"manifest": "m.csv", "models": ["lenet"]}


@pytest.mark.parametrize("kind", ["dict", "file"])
def test_a_network_without_a_learning_rate_is_named(kind, tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        'manifest = "m.csv"\nmodels = ["lenet"]\nrecipe.learning_rates.lenet = [1e-3]\n'
    )
    given = path if kind == "file" else {**CONFIG, "recipe": {"learning_rates": {"lenet": [1e-3]}}}
    with pytest.raises(UserError, match=r"recipe\.learning_rates has no entry for mine"):
        _resolved(given, (), ("mine",))
    assert _resolved(given, (), ()).models == ("lenet",)

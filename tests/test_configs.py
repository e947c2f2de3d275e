"""Every config in the repository parses, and its header says how to run it."""

from pathlib import Path

import pytest
from benchmarks.gpu import GpuBench

from her2bench.comparison.config import ComparisonConfig
from her2bench.core.config import load_settings, to_toml
from her2bench.core.vocabulary import model_name
from her2bench.models.registry import named_network
from her2bench.phantom import phantom_settings, read_settings

FOLDER = Path(__file__).parents[1] / "configs"
CONFIGS = sorted(FOLDER.glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config(path, tmp_path):
    assert f"configs/{path.name}" in path.read_text().partition("\n\n")[0]
    if path.stem == "phantom_tiles":
        phantom_settings(read_settings(path), path)
        return
    if path.stem == "bench_gpu":
        load_settings(GpuBench, path)
        return
    config = load_settings(ComparisonConfig, path)
    for model in config.models:
        arguments = config.options(model_name(model)).arguments
        named_network(model, arguments).check_size(config.size)
    copy = tmp_path / "copy.toml"
    copy.write_text(to_toml(config))
    assert load_settings(ComparisonConfig, copy) == config


def test_the_notebook_recipe_is_the_published_protocol():
    config = load_settings(ComparisonConfig, FOLDER / "notebook.toml")
    recipe = config.recipe
    assert (config.size, recipe.batch, recipe.epochs) == (299, 32, 20)
    assert [recipe.rates_for(m) for m in ("lenet", "alexnet", "mini_hahnet")] == [
        *((1e-4,), (1e-5,), (1e-5,)),
    ]
    assert (recipe.pos_weight, recipe.normalise, recipe.augment) == ("total/positives", False, ())
    assert recipe.keep == "last"
    split = config.split
    assert (split.kind, split.validation, split.test) == ("random-tiles", 0.2, 0.0)
    assert config.score.threshold.logit == 0.5

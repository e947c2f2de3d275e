"""`[slide]` in a comparison: both levels are written, and slides are checked before training."""

import polars as pl
import pytest
from tests.comparison.conftest import CONFIG

from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.optimism import with_random_tiles
from her2bench.comparison.prepared import prepare
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import read_scores
from her2bench.core.tables import read_table


def config(manifest="m.csv", **changes) -> ComparisonConfig:
    return settings_from(ComparisonConfig, {"manifest": str(manifest), **CONFIG, **changes}, "c")


def test_slides_are_added_to_a_finished_comparison_without_training(state, again):
    assert again(slide={"aggregate": "median"}) == 0
    folder = ComparisonFolder(state / "out")
    scores = read_scores(folder.scores)
    assert scores.slide is not None
    assert {each.aggregate for each in scores.slide.aggregates} == {"median"}
    table = read_table(folder.slide_table)
    assert table.columns[:4] == ["model", "split", "slides", "seeds"]
    assert "Tiles and slides" in folder.report.read_text(encoding="utf-8")
    assert again() == 0
    assert read_scores(folder.scores).slide is None and not folder.slide_table.exists()


def test_a_slide_of_two_labels_is_refused_before_anything_is_written(phantom, tmp_path, cache):
    manifest = read_manifest(phantom)
    scores = manifest["score"].to_list()
    scores[0] = 3 - scores[0]
    changed = manifest.with_columns(pl.Series("score", scores, manifest.schema["score"]))
    folder = ComparisonFolder(tmp_path / "out")
    with pytest.raises(UserError) as error:
        prepare(config(phantom, slide={}), changed, folder, cache, False)
    assert error.value.where == "[slide]"
    assert f"{manifest['group_id'][0]}: " in error.value.found
    assert not folder.path.exists()


def test_random_tiles_divide_slides():
    with pytest.raises(UserError, match="divides slides; leave out"):
        config(slide={}, split={"kind": "random-tiles", "validation": 0.3, "test": 0.3})


def test_the_repetition_with_random_tiles_has_no_slides(phantom):
    changed, _ = with_random_tiles(config(slide={}), read_manifest(phantom))
    assert changed.slide is None


@pytest.mark.parametrize("quantile", [1.5, 0, "high"])
def test_an_absurd_quantile_is_refused(quantile):
    with pytest.raises(UserError, match=r"slide\.quantile"):
        config(slide={"aggregate": "quantile", "quantile": quantile})

"""The public API: which names there are, what they take, what they return."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import pytest
from tests.evaluation.conftest import simulated

import her2bench as hb
from her2bench.core.errors import UserError

pd = pytest.importorskip("pandas")

EXAMPLE = Path(__file__).parents[2] / "examples" / "from_predictions_to_figures.py"
QUICK = {"bootstrap": 200, "flips": 99}
NAMES = [
    "Baseline",
    "Fitted",
    "Metric",
    "UserError",
    "audit",
    "compare",
    "export",
    "load_model",
    "load_predictions",
    "load_scores",
    "manifest_from_folders",
    "phantom",
    "plot",
    "predict",
    "register_baseline",
    "register_metric",
    "register_model",
    "score",
]


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return simulated(groups=12, models=("a", "b"), splits=("val", "test"))


@pytest.fixture(scope="module")
def results(table):
    return hb.score(table, **QUICK)


def test_the_exported_names():
    assert hb.__all__ == NAMES
    for name in NAMES:
        assert callable(getattr(hb, name)) or name == "plot"
    with pytest.raises(AttributeError, match="has no attribute 'scores'"):
        hb.scores  # noqa: B018


def test_packages_of_the_same_name_do_not_take_the_functions_place():
    import her2bench.audit.run
    import her2bench.phantom.settings  # noqa: F401

    assert hb.audit.__module__ == "her2bench.api.auditing"
    assert hb.phantom.__module__ == "her2bench.api.phantoms"


def test_importing_loads_nothing_heavy():
    code = "import sys, her2bench as hb; dir(hb); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert loaded
    assert not any(f"'{name}'" in loaded for name in ("torch", "polars", "numpy", "pydantic"))


def test_scoring_needs_no_torch(table, tmp_path):
    table.write_csv(tmp_path / "p.csv")
    code = (
        "import sys; sys.modules['torch'] = None; import her2bench as hb; "
        "print(len(hb.score('p.csv', bootstrap=200, flips=99).verdicts))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr


def test_tables_of_every_kind_give_the_same(table, results, tmp_path):
    table.write_parquet(tmp_path / "p.parquet")
    columns = table.to_dict(as_series=False)
    frames = [tmp_path / "p.parquet", str(tmp_path / "p.parquet"), table.lazy(), columns]
    for source in (*frames, pd.DataFrame(columns)):
        assert hb.score(source, **QUICK).scores == results.scores


def test_missing_values_of_pandas_are_missing(table):
    frame = pd.DataFrame(table.to_dict(as_series=False))
    frame["group_id"] = frame["group_id"].astype("string")
    frame.loc[:, "group_id"] = pd.NA
    assert hb.load_predictions(frame)["group_id"].null_count() == len(frame)


def test_what_is_no_table_is_refused():
    with pytest.raises(hb.UserError, match="a path, a polars or pandas frame"):
        hb.score(3)
    with pytest.raises(hb.UserError, match="different lengths"):
        hb.score({"model": ["a"], "tile_id": ["x", "y"]})
    with pytest.raises(hb.UserError, match="margn"):
        hb.score({"model": ["a"]}, margn=0.1)


def test_results_as_frames_and_in_a_notebook(results):
    rows = results.to_polars()
    assert rows.height == len(results.scores.rows)
    assert results.to_pandas("pairs").shape[0] == len(results.scores.pairs)
    assert len(results.verdicts) == 1 and "a" in results.verdicts[0]
    html = results._repr_html_()
    auc = next(r.value for r in results.scores.rows if (r.split, r.metric) == ("test", "roc_auc"))
    assert f"{auc:.3f}" in html and "<script" not in html


def test_names_are_escaped_in_a_notebook(table):
    named = table.with_columns(model=pl.lit("<b>") + pl.col("model"))
    assert "<b>" not in hb.score(named, **QUICK)._repr_html_()


def test_scores_written_are_read_again(results, tmp_path):
    results.write(tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text())["schema"]
    assert hb.load_scores(tmp_path / "scores.json") == results.scores


def test_a_manifest_adds_its_columns(table):
    tiles = table.select("tile_id").unique().sort("tile_id")
    manifest = tiles.with_columns(
        path=pl.lit("x.png"), score=pl.lit(2), scanner=pl.lit("one").str.replace("x", "y")
    )
    found = hb.score(table, manifest=manifest, by=["scanner"], **QUICK)
    assert "scanner" in {part.column for part in found.scores.breakdown}


@pytest.mark.parametrize("draw", ["roc", "forest", "calibration"])
def test_figures_draw_on_the_axes_given(results, draw):
    figure, ax = plt.subplots()
    more = {"model": "a"} if draw == "calibration" else {}
    assert getattr(hb.plot, draw)(results, ax=ax, **more) is ax
    assert ax.lines or ax.patches
    plt.close(figure)


def test_figures_of_nothing_say_so(results):
    with pytest.raises(UserError, match="no model 'c'"):
        hb.plot.calibration(results, "c")
    with pytest.raises(UserError, match="no train tiles"):
        hb.plot.roc(results, split="train")


def test_a_phantom_and_its_audit(tmp_path):
    manifest = hb.phantom(tmp_path / "p", slides=4, tiles_per_slide=2, size=64)
    assert manifest.height == 8
    found = hb.audit(tmp_path / "p" / "manifest.csv")
    assert found.to_polars().height == len(found.findings)
    assert "<table>" in found._repr_html_()


def test_the_example_runs(table, tmp_path, monkeypatch):
    test = table.filter(pl.col("split") == "test")
    test.write_csv(tmp_path / "predictions.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda: None)
    runpy.run_path(os.fspath(EXAMPLE))
    assert (tmp_path / "forest.png").stat().st_size > 1000
    assert (tmp_path / "roc.png").stat().st_size > 1000
    code = [line for line in EXAMPLE.read_text().splitlines() if line and line[0] not in '#"']
    assert len(code) < 15


def test_files_by_the_names_of_their_models(tmp_path, table):
    one = table.filter(pl.col("model") == "a").drop("model").rename({"probability": "prob"})
    for name in ("a", "b"):
        one.write_csv(tmp_path / f"{name}.csv")
    files = {"old": tmp_path / "a.csv", "new": str(tmp_path / "b.csv")}
    columns = {"probability": "prob"}
    read = hb.load_predictions(files, columns=columns)
    assert read["model"].unique(maintain_order=True).to_list() == ["old", "new"]
    assert hb.load_predictions(list(files.items()), columns=columns).equals(read)
    frame = one.with_columns(model=pl.lit("old"))
    mine = hb.load_predictions(frame, columns=columns)
    assert (
        mine["probability"].to_list()
        == read.filter(pl.col("model") == "old")["probability"].to_list()
    )

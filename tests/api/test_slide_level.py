"""`level` of `hb.score` and of `her2bench score`: tiles, slides, both."""

import json

import polars as pl
import pytest
from tests.evaluation.scoring.test_levels import tiles

import her2bench as hb
from her2bench.cli.main import main

QUICK = {"bootstrap": 0, "flips": 99}
TABLE = tiles(models=("one", "two"))


def test_slides_alone():
    results = hb.score(TABLE, level="slide", aggregate="median", **QUICK)
    for part in ("rows", "pairs"):
        assert set(results.to_polars(part)["level"]) == {"slide"}
    assert set(results.to_polars("aggregates")["aggregate"]) == {"median"}
    assert (results.predictions["tile_id"] == results.predictions["group_id"]).all()
    assert "model (test slides)" in results._repr_html_()
    assert results.slide is None and len(results.verdicts) == 1


def test_both_levels_are_those_of_either_alone(tmp_path):
    both = hb.score(TABLE, level="both", slide_threshold={"kind": "youden"}, **QUICK)
    alone = hb.score(TABLE, level="slide", slide_threshold={"kind": "youden"}, **QUICK)
    assert both.slide is not None
    assert both.slide.scores == alone.scores
    assert both.slide.predictions.equals(alone.predictions.select(both.slide.predictions.columns))
    assert both.to_polars().equals(hb.score(TABLE, **QUICK).to_polars())
    both.write(tmp_path / "s.json")
    assert hb.load_scores(tmp_path / "s.json") == both.scores


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"level": "slides"}, "one of tile, slide, both"),
        ({"aggregate": "mean"}, "settings of slides: aggregate"),
        ({"level": "slide", "aggregate": "max"}, "aggregate = 'max'"),
        ({"level": "slide", "aggregate": "quantile", "quantile": 90}, "quantile = 90"),
        ({"level": "slide", "slide_threshold": {"kind": "best"}}, "threshold.kind = 'best'"),
    ],
)
def test_wrong_choices_are_named(choices, message):
    with pytest.raises(hb.UserError, match=message):
        hb.score(TABLE, **choices, **QUICK)


@pytest.mark.slow
def test_a_report_of_both_levels_is_rebuilt_with_another_aggregate(tmp_path):
    results = hb.score(TABLE, level="both", **QUICK)
    page = results.write_report(tmp_path / "r").read_text(encoding="utf-8")
    assert "Tiles and slides" in page and "Each slide with its tiles" in page
    main_of("report", str(tmp_path / "r"), "--set", "slide.aggregate=share")
    slide = hb.load_scores(tmp_path / "r" / "scores.json").slide
    assert slide is not None and {each.aggregate for each in slide.aggregates} == {"share"}
    with pytest.raises(hb.UserError, match="a report shows both"):
        hb.score(TABLE, level="slide", **QUICK).write_report(tmp_path / "s")


def test_a_figure_of_slides():
    pytest.importorskip("matplotlib")
    results = hb.score(TABLE, level="slide", **QUICK)
    assert hb.plot.roc(results).lines


def main_of(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["her2bench", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
    assert not stop.value.code


def test_the_command(tmp_path, capsys):
    TABLE.write_parquet(tmp_path / "p.parquet")
    command = ["score", str(tmp_path / "p.parquet"), "--bootstrap", "0", "--level", "both"]
    main_of(*command, "--aggregate", "quantile", "--quantile", "0.9", "--slide-rule", "youden")
    printed = capsys.readouterr().out
    assert printed.index("clustered by slide") < printed.index("\nSlides\n")
    assert "test: 30 slides; 95% intervals, slides as independent" in printed
    main_of(*command, "--json")
    data = json.loads(capsys.readouterr().out)
    assert data["level"] == "tile" and data["slide"]["level"] == "slide"
    assert data["slide"]["slide_settings"]["aggregate"] == "mean"
    found = pl.DataFrame(data["slide"]["rows"]).filter(pl.col("metric") == "kappa")
    assert found.height == 4

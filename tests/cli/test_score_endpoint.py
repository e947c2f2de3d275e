"""`her2bench score` with models of the four scores."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from her2bench.cli.main import app
from her2bench.core.errors import UserError
from her2bench.core.ordinal import SCORE_COLUMNS
from tests.evaluation.conftest import four_scores

QUICK = ["--bootstrap", "0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("four-scores")
    table = four_scores(("a", "b"))
    named = table.select("model", "tile_id", "group_id", "score", *SCORE_COLUMNS)
    named.with_columns(score=pl.Series([f"{s}+" if s else "0" for s in named["score"]])).write_csv(
        path / "scores.csv"
    )
    positive = (table["score"] == 3).cast(pl.Int8)
    binary = table.select("tile_id", "group_id", target=positive, probability="p3")
    binary.filter(table["model"] == "a").write_csv(path / "net.csv")
    return path


def run(*arguments: str | Path):
    return CliRunner().invoke(app, ["score", *map(str, arguments), *QUICK], env={"COLUMNS": "100"})


def test_the_details_hold_metrics_and_tables_of_the_scores(folder: Path) -> None:
    shown = run(folder / "scores.csv", "--details")
    assert shown.exit_code == 0
    for words in ("quadratic-weighted kappa", "ROC-AUC at 3+", "a, test slides by score"):
        assert words in shown.output
    assert "reference  predicted 0  predicted 1+" in shown.output


def test_an_endpoint_puts_binary_models_beside(folder: Path) -> None:
    files = (folder / "scores.csv", folder / "net.csv")
    shown = run(*files, "--endpoint", "3+", "--json")
    scores = json.loads(shown.stdout)
    values = {(row["model"], row["metric"]): row["value"] for row in scores["rows"]}
    assert values["a", "roc_auc"] == pytest.approx(values["net", "roc_auc"])
    assert values["a", "roc_auc"] == pytest.approx(values["a", "roc_auc_at_3"])
    assert ("net", "quadratic_kappa") not in values
    with pytest.raises(UserError, match="different targets"):
        raise run(*files).exception


@pytest.mark.parametrize(
    ("endpoint", "files", "message"),
    [
        ("2+", ("scores.csv", "net.csv"), r"target is not “score 2\+ or more”"),
        ("3+", ("net.csv",), "no model with the columns score and p0 to p3"),
        ("status", ("scores.csv",), r"expected 1\+, 2\+, 3\+"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(folder, endpoint, files, message) -> None:
    refused = run(*(folder / name for name in files), "--endpoint", endpoint)
    with pytest.raises(UserError, match=message):
        raise refused.exception

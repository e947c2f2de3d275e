"""A finished comparison shown with other settings, and a report from predictions alone."""

import json
from pathlib import Path

import polars as pl
import pytest

import her2bench as hb
from her2bench.cli.main import main
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.report.rebuilding import rebuild
from tests.report.conftest import make_comparison


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    return make_comparison(tmp_path / "c", seeds=(0,), slides=12, tiles=3)


def test_names_colours_and_order_change_the_page_and_no_table(folder: ComparisonFolder) -> None:
    rebuild(folder)
    before = folder.scores.read_bytes()
    rebuild(
        folder,
        [
            "report.names.lenet=LeNet (1998)",
            "report.colours.lenet=#123456",
            "report.order=['alexnet', 'lenet']",
        ],
    )
    page = folder.report.read_text(encoding="utf-8")
    assert "LeNet (1998)" in page and "#123456" in page
    assert page.index("AlexNet") < page.index("LeNet (1998)")
    assert "LeNet (1998)" in (folder.path / "runs" / "lenet" / "card.md").read_text()
    assert folder.scores.read_bytes() == before
    again = rebuild(folder).read_text(encoding="utf-8")  # kept in comparison.toml
    assert again == page


def test_thresholds_and_metrics_change_without_training(folder: ComparisonFolder) -> None:
    weights = {p: p.read_bytes() for p in folder.path.glob("runs/*/*/*/*.safetensors")}
    rebuild(folder, ["score.threshold.kind=fixed", "score.threshold.logit=0.5", "score.margin=0.1"])
    scores = json.loads(folder.scores.read_text())
    assert {t["logit"] for t in scores["thresholds"]} == {0.5}
    assert scores["settings"]["margin"] == 0.1
    assert folder.run("lenet", 0, 0).summary()["threshold"] == 0.5
    assert not (folder.path / "gallery").exists()  # drawn for other thresholds
    assert {p: p.read_bytes() for p in weights} == weights
    folder.check(*folder.first_files, folder.predictions, folder.scores, folder.table)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("recipe.epochs=3", "which the runs depend on"),
        ("models=['lenet']", "which the runs depend on"),
        ("report.nmes.lenet=L", "did you mean 'names'"),
        ("report.names.lenat=L", "no model 'lenat': did you mean 'lenet'"),
        ("report.colours.lenet=red", "colours.lenet"),
        ("score.primary=roc", "primary"),
        ("score.by=['scanner']", "no column 'scanner'"),
    ],
)
def test_other_settings_are_refused_and_nothing_is_written(folder, setting, message) -> None:
    before = {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match=message):
        rebuild(folder, [setting])
    assert {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()} == before


def call(monkeypatch, capsys, *words) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["her2bench", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.fixture
def spreadsheet(tmp_path: Path) -> Path:
    """Four columns and a split, with semicolons and decimal commas, as a spreadsheet saves it."""
    rows = ["model;tile_id;target;probability;split"]
    for model, shift in (("a", 0.0), ("b", 0.2)):
        for i in range(120):
            p = 0.1 + 0.6 * (i % 7) / 7 + 0.2 * (i % 2) + shift * (i % 3 == 0) / 2
            side = "val" if i % 3 == 2 else "test"
            rows.append(f"{model};t{i};{i % 2};{str(round(p, 3)).replace('.', ',')};{side}")
    path = tmp_path / "export.csv"
    path.write_bytes("\r\n".join(rows).encode("utf-8-sig"))
    return path


def test_a_spreadsheet_becomes_a_report_in_one_command(
    spreadsheet, tmp_path, monkeypatch, capsys
) -> None:
    out = tmp_path / "report"
    words = ["--rule", "sensitivity", "--value", "0.95", "--report", out]
    code, said, _ = call(monkeypatch, capsys, "score", spreadsheet, *words)
    assert code == 0 and f"report: {out / 'report.html'}" in said
    assert "a: positive above p = 0." in said and "b: positive above p = 0." in said
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "unfinished" not in page and "No verdict" not in page
    assert "Data quality" not in page and "not recorded" not in page and "Reproduction" not in page
    assert not any(name in page for name in ("Parameters", "Training time", "Images/s"))
    assert {"parameters", "train_seconds"} <= set(pl.read_csv(out / "table.csv").columns)
    assert {p.name for p in (out / "figures").glob("roc.*")} == {
        "roc.csv", "roc.pdf", "roc.png", "roc.svg"
    }  # fmt: skip
    code, said, _ = call(monkeypatch, capsys, "report", out, "--set", "report.names.a=Model A")
    assert code == 0 and "Model A" in (out / "report.html").read_text(encoding="utf-8")
    code, *_ = call(monkeypatch, capsys, "score", spreadsheet, "--report", out)
    assert code == 0  # the same folder again


def test_a_rule_that_needs_validation_is_an_error_without_it(
    spreadsheet, tmp_path, monkeypatch, capsys
) -> None:
    table = pl.read_csv(spreadsheet, separator=";", decimal_comma=True).drop("split")
    table.write_csv(tmp_path / "test_only.csv")
    words = ["--rule", "sensitivity", "--value", "0.95", "--report", tmp_path / "r"]
    code, _, said = call(monkeypatch, capsys, "score", tmp_path / "test_only.csv", *words)
    assert code == 2 and "no validation tiles" in said and "--rule fixed" in said
    assert not (tmp_path / "r").exists()


def test_a_report_never_goes_into_a_folder_with_other_files(folder, spreadsheet) -> None:
    with pytest.raises(UserError, match="a folder with other files in it"):
        hb.score(spreadsheet).write_report(folder.path)


@pytest.mark.parametrize(("metric", "side"), [("roc_auc", "right"), ("brier", "left")])
def test_the_forest_plot_says_on_which_side_the_better_model_lies(folder, metric, side) -> None:
    rebuild(folder, [f"score.primary={metric}"])
    page = folder.report.read_text(encoding="utf-8")
    assert f"A square {side} of zero means that the first model is better" in page

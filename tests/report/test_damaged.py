"""Damaged files of a comparison: named with the cure, never a traceback."""

from pathlib import Path

import polars as pl
import pytest

from her2bench.cli.main import main
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.report.page import write_report
from tests.report.conftest import make_comparison

AGAIN = "run the comparison again"
RUN = "runs/lenet/seed-1/fold-0"


@pytest.mark.parametrize(
    ("name", "content", "cure"),
    [
        ("scores.json", b"", AGAIN),
        ("scores.json", b"{", AGAIN),
        ("scores.json", b"\xff\xfe", AGAIN),
        ("predictions.parquet", b"", AGAIN),
        ("comparison.toml", b"{ = [", AGAIN),
        ("comparison.toml", b"\xff\xfe", AGAIN),
        (f"{RUN}/DONE", b"{ = [", "this run is then done again"),
        (f"{RUN}/DONE", b"\xff\xfe", "this run is then done again"),
        (f"{RUN}/metrics.csv", b"", "metrics.csv"),
    ],
)
def test_a_broken_file_is_named(
    broken: ComparisonFolder, name: str, content: bytes, cure: str, monkeypatch, capsys
) -> None:
    path = broken.path / name
    whole = path.read_bytes()
    path.write_bytes(content)
    monkeypatch.setattr("sys.argv", ["her2bench", "report", str(broken.path)])
    with pytest.raises(SystemExit) as stop:
        main()
    path.write_bytes(whole)
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.startswith(f"error: {path}: cannot be read") and cure in said


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    """A comparison to be damaged, one file at a time."""
    return make_comparison(tmp_path_factory.mktemp("broken") / "c", gallery=False)


def test_scores_of_another_shape_are_named(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", gallery=False)
    for text in ("[]", '{"settings": {"confidence": "high"}}'):
        folder.scores.write_text(text, encoding="utf-8")
        with pytest.raises(UserError):
            write_report(folder)


def test_a_model_named_as_a_path_writes_nothing_outside(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "a" / "c", gallery=False)
    (tmp_path / "victim").mkdir()
    table = pl.read_parquet(folder.predictions)
    name = pl.col("model").replace("lenet", "../../../victim")
    table.with_columns(name).write_parquet(folder.predictions)
    with pytest.raises(UserError, match=r"predictions\.parquet: a model named '\.\./"):
        write_report(folder)
    assert not list((tmp_path / "victim").iterdir())

"""Damaged files of a comparison: named with the hint, never a traceback."""

import shutil
from pathlib import Path

import polars as pl
import pytest
import tomli_w

from her2bench.cli.main import main
from her2bench.core.checksums import read_record
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.report.pages.report_page import write_report
from her2bench.report.sections.audit_view import with_sides
from tests.report.conftest import make_comparison

AGAIN = "run the comparison again"
RUN = "runs/lenet/seed-1/fold-0"


@pytest.mark.parametrize(
    ("name", "content", "hint"),
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
    broken: ComparisonFolder, name: str, content: bytes, hint: str, monkeypatch, capsys
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
    assert said.startswith(f"error: {path}: cannot be read") and hint in said


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    """A comparison to be damaged, one file at a time."""
    return make_comparison(tmp_path_factory.mktemp("broken") / "c", gallery=False)


def test_scores_of_another_shape_are_named(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", gallery=False)
    for text in ("[]", '{"schema": 2, "settings": {"confidence": "high"}}'):
        folder.scores.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=r"scores\.json: "):
            write_report(folder)


def test_a_model_named_as_a_path_writes_nothing_outside(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "a" / "c", gallery=False)
    (tmp_path / "victim").mkdir()
    table = pl.read_parquet(folder.predictions)
    name = pl.col("model").replace("lenet", "../../../victim")
    table.with_columns(name).write_parquet(folder.predictions)
    with pytest.raises(UserError, match=r"predictions\.parquet: .*'model'.*(\n.*)*\.\./"):
        write_report(folder)
    assert not list((tmp_path / "victim").iterdir())


@pytest.fixture(scope="module")
def older(broken: ComparisonFolder) -> ComparisonFolder:
    """The same as earlier versions wrote it: nothing is vouched for by checksums."""
    folder = ComparisonFolder(broken.path.with_name("older"))
    shutil.copytree(broken.path, folder.path)
    folder.checksums.unlink(missing_ok=True)
    for done in folder.path.glob("runs/*/*/*/DONE"):
        known = read_record(done)
        del known["files"]
        done.write_text(tomli_w.dumps(known), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("predictions.parquet", "seed", "one"),
        ("predictions.parquet", "target", [1]),
        ("predictions.parquet", "probability", 1.5),
        ("predictions.parquet", "split", "holdout"),
        ("manifest.parquet", "score", "high"),
        ("manifest.parquet", "tile_id", [1]),
        ("splits.parquet", "fold", "first"),
        ("splits.parquet", "target", b"1"),
        (f"{RUN}/metrics.csv", "train_loss", "low"),
    ],
)
def test_a_column_of_another_kind_is_named(
    older: ComparisonFolder, name: str, column: str, value: object
) -> None:
    path = older.path / name
    whole = path.read_bytes()
    read, write = (pl.read_csv, pl.DataFrame.write_csv)
    if path.suffix == ".parquet":
        read, write = (pl.read_parquet, pl.DataFrame.write_parquet)
    write(read(path).with_columns(pl.lit(value).alias(column)), path)
    with pytest.raises(UserError, match=column) as refused:
        write_report(older)
    path.write_bytes(whole)
    assert refused.value.where == str(path)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("comparison.toml", "seeds = [", 'seeds = ["a", '),
        ("comparison.toml", "models = [", "models = [1, "),
        (f"{RUN}/DONE", "threshold = ", 'threshold = "low" # '),
        (f"{RUN}/DONE", "parameters = ", "parameters = 99999999999999999999 # "),
    ],
)
def test_a_setting_of_another_kind_is_named(
    older: ComparisonFolder, name: str, old: str, new: str
) -> None:
    path = older.path / name
    whole = path.read_text(encoding="utf-8")
    assert old in whole
    path.write_text(whole.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=old.split()[0]) as refused:
        write_report(older)
    path.write_text(whole, encoding="utf-8")
    assert refused.value.where == str(path)


def test_sides_of_a_lost_manifest_are_unknown():
    splits = pl.DataFrame({"tile_id": ["a"], "fold": [0], "split": ["test"]})
    assert with_sides(pl.DataFrame(), splits).is_empty()

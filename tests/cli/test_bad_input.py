"""Usage errors: exit 2, one message with a hint, no output left."""

import errno
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tomli_w
from PIL import Image

from her2bench.audit import run as audit_run
from her2bench.cli.main import main

CONFIG = {
    "manifest": "m.csv",
    "models": ["lenet"],
    "seeds": [0],
    "size": 64,
    "split": {"kind": "random-tiles", "validation": 0.3, "test": 0.3},
    "recipe": {"epochs": 1},
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """24 good tiles of 8 slides, their manifest, a config; returns how to write them changed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HER2BENCH_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    rows = []
    for i in range(24):
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        rows.append({"tile_id": f"t{i}", "path": f"{i}.png", "score": str(i % 2 * 2)})
    table = pl.DataFrame(rows).with_columns(
        group_id=pl.Series([f"s{i % 8}" for i in range(24)]),
    )

    def write(change=lambda table: table, **settings):
        change(table).write_csv("m.csv")
        Path("c.toml").write_text(tomli_w.dumps(CONFIG | settings))

    return write


def fails(capsys, monkeypatch, *arguments):
    """Run the command; it must exit with 2 and one message without a traceback."""
    monkeypatch.setattr("sys.argv", ["her2bench", *map(str, arguments)])
    before = sorted(p for p in Path().rglob("*") if "cache" not in p.parts)
    with pytest.raises(SystemExit) as stop:
        main()
    message = capsys.readouterr().err
    assert stop.value.code == 2, message
    assert "Traceback" not in message
    assert sorted(p for p in Path().rglob("*") if "cache" not in p.parts) == before
    return message


def column(name, row, value):
    def change(table):
        values = table[name].to_list()
        values[row] = value
        return table.with_columns(pl.Series(name, values))

    return change


def one_class(table):
    return table.with_columns(score=pl.lit("3+"))


def split_across(table):
    return table.with_columns(split=pl.Series((["train"] * 6 + ["test"] * 6) * 2))


def region_outside(table):
    corner = {"x": 40, "y": 0, "width": 32, "height": 32}
    return table.with_columns(pl.lit(v).alias(k) for k, v in corner.items())


CASES = {
    "duplicate tile_id": (column("tile_id", 3, "t0"), {}, "t0"),
    "unknown score": (column("score", 3, "4+"), {}, "'4+'"),
    "missing image": (column("path", 3, "gone.png"), {}, "gone.png"),
    "one class only": (one_class, {}, "the column score holds 3+ (24)"),
    "image smaller than its region": (region_outside, {}, "64 x 64"),
    "group on two sides": (split_across, {"split": {"kind": "manifest"}}, "s0"),
    "fewer groups than folds": (
        lambda table: table,
        {"split": {"kind": "grouped-kfold", "folds": 20}},
        "20",
    ),
    "groups wanted, none known": (
        lambda table: table.drop("group_id"),
        {"split": {"kind": "grouped"}},
        "group_id",
    ),
    "no validation tiles": (
        lambda table: table,
        {"split": {"kind": "random-tiles", "validation": 0}},
        "split.validation = 0.2",
    ),
    "unknown model": (lambda table: table, {"models": ["lenett"]}, "did you mean 'lenet'?"),
    "too small a size": (lambda table: table, {"size": 32}, "at least 64 px"),
    "unknown config key": (lambda table: table, {"sise": 64}, "did you mean 'size'?"),
    "no learning rate for a model": (
        lambda table: table,
        {"recipe": {"learning_rates": {"alexnet": [1e-4]}}},
        "no entry for lenet",
    ),
    "empty data set": (lambda table: table[:0], {}, "no rows"),
    "missing manifest": (lambda table: table, {"manifest": "none.csv"}, "none.csv"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_compare_refuses(case, study, capsys, monkeypatch):
    change, settings, expected = CASES[case]
    study(change, **settings)
    assert expected in fails(capsys, monkeypatch, "compare", "c.toml", "-o", "out")


def test_all_bad_images_are_listed_at_once(study, capsys, monkeypatch):
    study()
    Path("1.png").write_bytes(b"")
    Path("2.png").write_bytes(b"text, not an image")
    whole = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(whole, "JPEG")
    Path("3.png").write_bytes(whole.getvalue()[:1000])
    message = fails(capsys, monkeypatch, "compare", "c.toml", "-o", "out")
    assert all(name in message for name in ("1.png", "2.png", "3.png", "--skip-bad"))
    assert "3 of 24" in message


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("compare", "none.toml"), "none.toml"),
        (("compare", "c.toml", "--set", "recipe.epoch=1"), "did you mean 'epochs'?"),
        (("compare", "c.toml", "--device", "tpu"), "auto, cpu, cuda, mps"),
        (("report", "."), "comparison.toml"),
        (("predict", ".", "0.png", "-o", "out"), "DONE"),
        (("predict", ".", "none.png", "-o", "out"), "none.png"),
        (("manifest", "bci", "none"), "none"),
        (("manifest", "images", "none.csv"), "none.csv"),
        (("score", "none.parquet"), "none.parquet"),
        (("audit", "none.csv"), "none.csv"),
        (("audit", "c.toml"), ".csv or .parquet"),
        (("audit", "m.csv", "--endpoint", "4+"), "2+, 3+, 1+, status"),
        (("audit", "m.csv", "--endpoint", "status"), "status"),
        (("audit", "m.csv", "--split-from", "none.parquet"), "none.parquet"),
        (("audit", "m.csv", "--split-from", "m.csv"), "split"),
        (("audit", "m.csv", "--tile-score", "mine"), "mine"),
        (("audit", "m.csv", "--tile-score", "path"), "m.csv: column 'path' has 24 wrong value(s)"),
        (("audit", "m.csv", "--endpoint", "foo"), "m.csv: endpoint 'foo'"),
        (("audit", "m.csv", "--endpoint", "status"), "hint: add the column, or choose"),
        (("audit", "."), ".: a folder"),
        (("audit", "."), "hint: name the table's own file, such as m.csv"),
        (("audit", ""), ".: a folder"),
        (("audit", "m.csv", "--infer-groups", "m.csv"), "over the manifest"),
        (("audit", "m.csv", "--infer-groups", "m.txt"), ".csv or .parquet"),
        (("audit", "m.csv", "--infer-groups", "0.png/m.csv"), "--infer-groups 0.png: 0.png is a"),
        (("audit", "m.csv", "-o", "0.png"), "-o 0.png: 0.png is a file"),
        (("audit", "m.csv", "-o", "0.png/x"), "0.png is a file\n  expected: a folder\n  hint"),
        (("audit", "m.csv", "--cache", "0.png"), "--cache 0.png: 0.png is a file"),
        (("audit", "m.csv", "--score-of", "both"), "slide or tile"),
        (("nonsense",), "No such command"),
        (("compare",), "Missing argument"),
    ],
)
def test_other_commands_refuse(arguments, expected, study, capsys, monkeypatch):
    study()
    assert expected in fails(capsys, monkeypatch, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [("x\x1b[31m",), ("score", "--x\x1b[31m"), ("report", "a", "b\x1b[31m"), ("score", "x\x9b1m")],
)
def test_control_characters_of_wrong_arguments_do_not_reach_the_terminal(
    arguments, study, capsys, monkeypatch
):
    study()
    message = fails(capsys, monkeypatch, *arguments)
    assert "\x1b" not in message and "\x9b" not in message
    assert "\\x1b" in message or "\\x9b" in message


def test_a_column_tile_score_is_read_like_scores(study, capsys, monkeypatch):
    study(lambda table: table.with_columns(tile_score=pl.Series(["7", "no", "1+", None] * 6)))
    message = fails(capsys, monkeypatch, "audit", "m.csv")
    assert "m.csv: column 'tile_score' has 12 wrong value(s)" in message
    assert "row 1: '7'" in message and "expected: 0, 1, 2, 3, 1+, 2+ or 3+, or nothing" in message


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that no one can write")
@pytest.mark.parametrize(
    "option", [("-o", "/proc/x"), ("--infer-groups", "/proc/y.csv"), ("--cache", "/proc/c")]
)
def test_the_audit_tries_to_write_before_it_looks(option, study, capsys, monkeypatch):
    study()
    monkeypatch.setattr(audit_run, "observe", None)
    message = fails(capsys, monkeypatch, "audit", "m.csv", *option)
    assert f"{option[0]} /proc" in message and f"hint: name another with {option[0]}" in message


def test_estimated_slides_are_not_written_over_a_folder(study, capsys, monkeypatch):
    study()
    Path("d.csv").mkdir()
    assert "write over a folder" in fails(
        capsys, monkeypatch, "audit", "m.csv", "--infer-groups", "d.csv"
    )


def test_a_full_disk_is_said_and_leaves_no_half_written_file(study, capsys, monkeypatch):
    study()

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("polars.DataFrame.write_parquet", full)
    monkeypatch.setattr("sys.argv", ["her2bench", "compare", "c.toml", "-o", "out"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "the disk is full" in capsys.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == [".lock"]

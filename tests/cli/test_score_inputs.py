"""`her2bench score`: files with the names of their models, and tables with other columns."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from her2bench.cli.main import app
from her2bench.cli.score_inputs import named_columns, named_files
from her2bench.core.errors import UserError


def exported(path: Path, shift: float = 0.0) -> Path:
    """As a German spreadsheet writes it: a mark, semicolons, decimal commas, words for classes."""
    lines = ["Kachel;group_id;target;prob"]
    for i in range(40):
        probability = f"{0.3 + 0.01 * i + shift * (-1) ** i:.3f}".replace(".", ",")
        lines.append(f"t{i};s{i // 4};{'Pos' if i // 4 % 2 else 'Neg'};{probability}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


def test_two_exports_of_a_spreadsheet_in_one_command(tmp_path):
    old, new = exported(tmp_path / "a.csv"), exported(tmp_path / "b.csv", 0.05)
    settings = ["--columns", "probability=prob,tile_id=Kachel", "--bootstrap", "200", "--json"]
    names = ["--name", f"old={old}", f"new={new}"]
    done = CliRunner().invoke(app, ["score", *names, *settings])
    assert done.exit_code == 0, done.output
    assert {row["model"] for row in json.loads(done.stdout)["rows"]} == {"old", "new"}


def test_a_file_whose_name_holds_an_equals_sign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a=b.csv").touch()
    assert named_files(["a=b.csv", "new=a.csv", "c.csv"], None) == [
        (None, Path("a=b.csv")),
        ("new", Path("a.csv")),
        (None, Path("c.csv")),
    ]


def test_options_that_cannot_be_read_are_refused():
    for wrong in ("probability", "=prob", "probability=", "a=b,a=c"):
        with pytest.raises(UserError, match="--columns"):
            named_columns([wrong])
    with pytest.raises(UserError, match="NAME=FILE"):
        named_files([], ["a.csv"])
    with pytest.raises(UserError, match="at least one table"):
        named_files(None, None)

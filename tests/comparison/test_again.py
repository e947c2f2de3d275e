"""The command that the report prints repeats the comparison."""

import html
import re
import shlex
import shutil
import tomllib

import polars as pl
import pytest
import tomli_w
from typer.testing import CliRunner

from her2bench.cli.main import app
from her2bench.core.runs import ComparisonFolder, write_text
from her2bench.report.pages.report_page import write_report


@pytest.mark.slow
def test_the_printed_command_repeats_it_from_the_folder_above(finished, cache, monkeypatch):
    first = ComparisonFolder(finished.path.with_name("my comparison"))
    shutil.move(finished.path, first.path)
    # As written by a command given in another folder: the path leads nowhere from here.
    settings = tomllib.loads(first.config.read_text(encoding="utf-8"))
    write_text(first.config, tomli_w.dumps(settings | {"manifest": "data/manifest.csv"}))
    first.seal(first.config)
    page = write_report(first).read_text(encoding="utf-8")
    found = re.search(r"her2bench compare .*?(?=</code>)", page)
    assert found
    _, *arguments = shlex.split(html.unescape(found[0]))
    monkeypatch.chdir(first.path.parent)
    said = CliRunner().invoke(app, [*arguments, "--device", "cpu", "--cache", str(cache)])
    assert said.exit_code == 0, said.exception
    again = ComparisonFolder(first.path.with_name("my comparison-again"))
    assert pl.read_parquet(again.predictions).equals(pl.read_parquet(first.predictions))

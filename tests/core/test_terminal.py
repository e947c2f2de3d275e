"""Names reach the terminal as they are written, and no other way."""

import io
import json

import pytest
from rich.padding import Padding
from rich.table import Table

from her2bench.core.console import Terminal
from her2bench.core.terminal import ascii_json, open_streams, readable, say

NAMES = ["case[/x]", "[bold]", ":smile:", "a\\b", "[red]r[/red]", "C:\\[new]"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_markup(name, capsys):
    table = Table(name, title=f"title {name}")
    table.add_row(f"cell {name}")
    console = Terminal(piped=100)
    for shown in (table, Padding(f"padded {name}", (0, 0, 0, 2)), f"line {name}"):
        console.print(shown)
    console.say(f"said {name}")
    say(f"plain {name}")
    out = capsys.readouterr().out
    for place in ("title", "cell", "padded", "line", "said", "plain"):
        assert f"{place} {name}" in out
    assert out.count(name) == 7


@pytest.mark.parametrize("evil", ["\x1b[31m", "\r", "\x07", "\x9b1m", "\x7f", "\u202e", "\udcff"])
def test_a_terminal_obeys_no_name(evil, capsys):
    console = Terminal()
    table = Table("name")
    table.add_row(f"a{evil}b")
    console.print(table)
    console.say(f"a{evil}b")
    say(f"a{evil}b")
    say(f"a{evil}b", error=True)
    captured = capsys.readouterr()
    assert evil not in captured.out + captured.err
    assert captured.out.count(readable(evil)) == 3
    assert captured.err == f"a{readable(evil)}b\n"


def test_json_in_ascii_is_the_same_json():
    value = {"µ": ["–", "𝒙", "\x7f", "\x9b", 'quote"\\']}
    text = ascii_json(json.dumps(value, ensure_ascii=False))
    assert text.isascii() and "\x7f" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize(("text", "shown"), [("±0.02 – “a”", '+/-0.02 - "a"'), ("ä", "?")])
def test_letters_that_the_terminal_lacks_become_ascii(text, shown, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    open_streams()
    say(text)
    assert written.getvalue().decode().strip() == shown

"""What `--help` says: nothing of it may be taken for markup and vanish."""

from collections.abc import Iterator

import typer.main
from typer.testing import CliRunner

from her2bench.cli.main import app


def helps(command, name: str = "her2bench") -> Iterator[tuple[str, str]]:
    """Each text of a command, of its options and of its subcommands, with where it stands."""
    yield name, command.help or ""
    for option in command.params:
        yield f"{name} {option.name}", getattr(option, "help", None) or ""
    for each in getattr(command, "commands", {}).values():
        yield from helps(each, f"{name} {each.name}")


def test_no_square_brackets_which_the_terminal_takes_for_markup():
    texts = list(helps(typer.main.get_command(app)))
    assert len(texts) > 50
    assert [where for where, text in texts if "[" in text] == []


def test_the_front_page_names_each_command_under_its_heading(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(app, ["--help"]).output
    assert max(map(len, printed.splitlines())) <= 80
    names = ("Tiles", "phantom", "audit", "Comparisons", "compare", "Trained networks", "predict")
    places = [printed.index(f" {name} ") for name in names]
    assert places == sorted(places) and "manifest" in printed

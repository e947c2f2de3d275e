"""The commands and the Python of README and docs: run as they stand, with options that make them
small, or at least read by the command line."""

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import polars as pl
import pytest
from PIL import Image

from her2bench.core.vocabulary import BASELINES, NETWORKS
from her2bench.evaluation.statistics.metrics import METRICS

ROOT = Path(__file__).parents[1]
PAGES = {path.name: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAGES.items()}
README = TEXTS["README.md"]


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a language in a page; what follows the language is passed over."""
    found = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```$", TEXTS[name], re.DOTALL | re.MULTILINE)
    return [text for kind, text in found if kind == language]


def commands(name: str) -> list[str]:
    """The commands in the blocks of a page, without what a table says of them."""
    lines = "\n".join(blocks(name, "") + blocks(name, "bash")).splitlines()
    found = [line.removeprefix("srun ") for line in lines]
    return [re.split(r"  +", c)[0] for c in found if c.startswith("her2bench ")]


COMMANDS = [
    line.partition("  #")[0].strip()
    for line in "\n".join(blocks("README.md", "")).splitlines()
    if line.startswith("her2bench ")
    and not re.search(r"   |\bOUT\b", line.partition("#")[0].strip())
]
ALL = [(name, command) for name in TEXTS for command in commands(name)]
INLINE = [
    (name, command)
    for name, text in TEXTS.items()
    for command in re.findall(r"(?<!`)`(her2bench [^`]+)`", text.replace("\n", " "))
]
SMALL = "--set size=64 --set recipe.epochs=1 --set seeds=[0] --set \"models=['lenet']\""
EXTRA = {
    "her2bench phantom": "--slides 16 --tiles-per-slide 4 --size 64",
    "her2bench compare": SMALL,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as a user would have it: own tiles, a labelled image, predictions."""
    place = tmp_path_factory.mktemp("user")
    assert "her2bench phantom p --layout bci" in README
    run(place, f"her2bench phantom p --layout bci {EXTRA['her2bench phantom']}")
    (place / "BCI_dataset").symlink_to(place / "p" / "BCI_dataset")
    run(place, f"her2bench phantom own {EXTRA['her2bench phantom']}")
    table = pl.read_csv(place / "own" / "manifest.csv")
    table.with_columns(path="own/" + pl.col("path")).write_csv(place / "mine.csv")
    grey, core = Image.effect_noise((540, 540), 60), Image.new("RGB", (600, 600), (236, 236, 236))
    brown = Image.merge("RGB", [grey.point(lambda v, s=s: int(v * s)) for s in (1, 0.8, 0.6)])
    core.paste(brown, (20, 20))
    core.save(place / "core.png")
    (place / "labels.csv").write_text("path,score\ncore.png,3+\n")
    rows = [f"{m},t{i},{i % 2},{0.2 + 0.6 * (i % 3) / 2}" for m in "ab" for i in range(40)]
    (place / "predictions.csv").write_text(
        "\n".join(["model,tile_id,target,probability", *rows]), encoding="utf-8"
    )
    return place


def run(place, command):
    words = shlex.split(command)
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=place, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_readme_names_every_command():
    from typer.main import get_command

    from her2bench.cli.main import app

    for name in get_command(app).commands:  # pyright: ignore[reportAttributeAccessIssue]
        assert f"her2bench {name}" in README


def parsed(command: str, whole: bool = True) -> None:
    """Read a command as the command line does, without running it; or its name alone."""
    from typer.main import get_command

    from her2bench.cli.main import app

    found, words = get_command(app), shlex.split(command.replace("...", ""))[1:]
    while named := getattr(found, "commands", None):
        assert words and words[0] in named, f"{command}: no such command"
        found = named[words.pop(0)]
    if words or whole:
        found.make_context(command, words)


@pytest.mark.parametrize(("page", "command"), ALL)
def test_a_command_of_a_page_is_read_by_the_command_line(page, command):
    parsed(command)


@pytest.mark.parametrize(("page", "command"), INLINE)
def test_a_command_in_a_sentence_has_only_options_that_there_are(page, command):
    if command not in ("her2bench --help", "her2bench --version"):
        parsed(command, whole=False)


def test_the_readme_s_picture_is_of_today_s_report():
    made = (ROOT / "docs" / "images" / "report.sha256").read_text().strip()
    now = runpy.run_path(str(ROOT / "docs" / "screenshot.py"))["looks"]()
    assert made == now, "the report looks different since: make picture"


def python_of(name):
    """The blocks that a test runs as they are; a network of one's own has a test for itself."""
    return [b for b in blocks(name, "python") if not re.search(r"class Small|def small", b)]


@pytest.mark.parametrize("block", python_of("README.md"))
def test_the_python_of_the_readme(block, place, monkeypatch):
    in_place(block, place, monkeypatch)


@pytest.mark.slow
def test_the_python_of_the_how_tos(place, monkeypatch):
    monkeypatch.setenv("HER2BENCH_CACHE", str(place / "cache"))
    registries = METRICS, NETWORKS, BASELINES
    before = [dict(each) for each in registries]
    for block in python_of("howto.md"):
        in_place(block, place, monkeypatch)
    for each, kept in zip(registries, before, strict=True):
        each.clear()
        each.update(kept)
    slides = pl.read_csv(place / "mine-with-slides.csv")["group_id"]
    assert slides.null_count() == 0 and slides.n_unique() == 16


@pytest.mark.slow
def test_the_network_of_the_how_tos(place, monkeypatch):
    (network,) = [block for block in blocks("howto.md", "python") if "class Small" in block]
    (place / "nets.py").write_text(network, encoding="utf-8")
    (command,) = [command for command in commands("howto.md") if "nets:Small" in command]
    monkeypatch.setenv("HER2BENCH_CACHE", str(place / "cache"))
    run(place, f"{command} --set size=64 --set recipe.epochs=1 --set seeds=[0]")
    assert (place / "out/own/runs/small/seed-0/fold-0/DONE").exists()


@pytest.mark.slow
def test_the_tutorial_from_the_first_command_to_the_last(tmp_path, monkeypatch):
    monkeypatch.setenv("HER2BENCH_CACHE", str(tmp_path / "cache"))
    small = {"her2bench compare": "--set size=64 --set recipe.epochs=1 --set seeds=[0]"}
    for command in commands("tutorial.md"):
        if not command.startswith("her2bench serve"):
            run(tmp_path, f"{command} {small.get(' '.join(command.split()[:2]), '')}")
    assert (tmp_path / "out" / "new" / "predictions.csv").is_file()


def in_place(block, place, monkeypatch):
    """Run Python of a page as a script in a user's folder."""
    monkeypatch.chdir(place)
    exec(compile(block, "page", "exec"), {"__name__": "__main__"})
    plt.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme(command, place, monkeypatch):
    monkeypatch.setenv("HER2BENCH_CACHE", str(place / "cache"))
    extra = max((key for key in EXTRA if command.startswith(key)), key=len, default=None)
    out = run(place, f"{command} {EXTRA.get(extra, '') if extra else ''}")
    assert "report:" in out or "compare" not in command


@pytest.mark.slow
def test_the_readmes_own_network(place, monkeypatch, capsys):
    import her2bench as hb

    (block,) = re.findall(r"```python\n([^`]*def small.*?)```", README, re.DOTALL)
    original, words = hb.compare, shlex.split(SMALL)
    small = [*words[1::2], f"manifest={place / 'own' / 'manifest.csv'}", "split.folds=2"]

    def compare(config, out, **more):
        out = place / "from_python"  # the how-tos write to the same folder
        return original(config, out, overrides=small, cache=place / "cache", **more)

    monkeypatch.chdir(place)
    monkeypatch.setattr(hb, "compare", compare)
    exec(compile(block, "README.md", "exec"), {})
    assert "small" in capsys.readouterr().out

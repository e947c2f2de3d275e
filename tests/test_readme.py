"""The README's commands, run as they stand, with options added that make them small."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"```\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("her2bench ")
    and not re.search(r"   |\bOUT\b", line.partition("#")[0].strip())
]
SMALL = "--set size=64 --set recipe.epochs=1 --set seeds=[0] --set \"models=['lenet']\""
EXTRA = {
    "her2bench phantom": "--slides 16 --tiles-per-slide 4 --size 64",
    "her2bench compare": SMALL,
    "her2bench compare configs/notebook.toml": f"{SMALL}",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder as a user would have it: configs, own tiles, a labelled image, predictions."""
    place = tmp_path_factory.mktemp("user")
    (place / "configs").symlink_to(ROOT / "configs")
    assert "her2bench phantom p --layout bci" in README
    run(place, f"her2bench phantom p --layout bci {EXTRA['her2bench phantom']}")
    (place / "BCI_dataset").symlink_to(place / "p" / "BCI_dataset")
    run(place, f"her2bench phantom own {EXTRA['her2bench phantom']}")
    table = pl.read_csv(place / "own" / "manifest.csv")
    table.with_columns(path="own/" + pl.col("path")).write_csv(place / "mine.csv")
    field = Image.effect_noise((600, 600), 60).convert("RGB")
    field.save(place / "core.png")
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
        return original(config, out, overrides=small, cache=place / "cache", **more)

    monkeypatch.chdir(place)
    monkeypatch.setattr(hb, "compare", compare)
    exec(compile(block, "README.md", "exec"), {})
    assert "small" in capsys.readouterr().out

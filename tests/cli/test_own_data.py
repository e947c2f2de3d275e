"""One's own tiles, from a folder to a report in three commands."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from her2bench.cli.main import app
from her2bench.core.manifest import read_manifest

SOUND = Path(__file__).parents[2] / "configs" / "sound.toml"
SMALLEST = (
    "models=['lenet']",
    "seeds=[0]",
    "size=64",
    "recipe.learning_rates=[1e-4]",
    "recipe.epochs=1",
    "split.kind=grouped",
    "split.validation=0.25",
    "split.test=0.25",
    "score.bootstrap=200",
    "score.flips=99",
)


def tile(rng: np.random.Generator, score: int) -> Image.Image:
    """Pale tissue with brown in it, the more the higher the score; a little wider than high."""
    picture = rng.normal((225, 215, 220), 8, (64, 72, 3))
    brown = rng.random((64, 72)) < 0.05 + 0.15 * score
    picture[brown] = rng.normal((130, 90, 60), 15, (int(brown.sum()), 3))
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8))


def draw(folder: Path, name: str) -> Path:
    """16 cases of three tiles, four cases of each score, named by a pattern."""
    rng = np.random.default_rng(0)
    for case in range(16):
        for n in range(1, 4):
            score = case % 4
            text = f"{score}+" if score else "0"
            path = folder / name.format(score=text, case=case + 1, n=n)
            path.parent.mkdir(parents=True, exist_ok=True)
            tile(rng, score).save(path)
    return folder


def in_three_commands(options: list[str], endpoint: str) -> None:
    """Run them in the current folder on `tiles`."""
    changed = ["manifest=mine.csv", f"endpoint={endpoint}", "square=crop", *SMALLEST]
    for command in (
        ["manifest", "folders", "tiles", *options, "-o", "mine.csv"],
        ["audit", "mine.csv", "--endpoint", endpoint, "--write-clean", "clean.csv"],
        [
            "compare",
            str(SOUND),
            "-o",
            "out/mine",
            *(p for text in changed for p in ("--set", text)),
        ],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (done.output, done.exception)
    assert Path("out/mine/report.html").stat().st_size > 10_000
    assert 'square = "crop"' in Path("out/mine/comparison.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HER2BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("{score}/{case} ({n}).png", ["--group-regex", r"(\d+) \("]),
        (
            "Fall_{case:03}_Score_{score}_Feld{n}.png",
            ["--group-regex", r"Fall_(\d+)_", "--score-regex", r"Score_(\d\+?)_"],
        ),
    ],
)
def test_from_a_folder_to_a_report_in_three_commands(elsewhere, name, options):
    draw(elsewhere / "tiles", name)
    in_three_commands(options, "2+")
    table = read_manifest(Path("mine.csv"))
    assert table.height == 48 and table["group_id"].n_unique() == 16
    assert sorted(table["score"]) == [score for score in range(4) for _ in range(12)]


@pytest.mark.slow
def test_a_folder_of_positive_and_one_of_negative_tiles(elsewhere):
    draw(elsewhere / "tiles", "{score}/{case} ({n}).png")
    for status, scores in (("positive", ("2+", "3+")), ("negative", ("0", "1+"))):
        (elsewhere / "tiles" / status).mkdir()
        for score in scores:
            for path in (elsewhere / "tiles" / score).iterdir():
                path.rename(elsewhere / "tiles" / status / path.name)
            (elsewhere / "tiles" / score).rmdir()
    in_three_commands(["--preset", "her2-ihc-40x"], "status")
    table = read_manifest(Path("mine.csv"))
    assert "score" not in table.columns and sorted(table["status"]) == [0] * 24 + [1] * 24

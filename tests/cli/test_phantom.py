"""`her2bench phantom` from the outside."""

from pathlib import Path

import pytest

from her2bench.cli.main import main
from her2bench.phantom import phantom_settings, read_settings

CONFIGS = Path(__file__).parents[2] / "configs"
SMALL = ["--slides", "4", "--tiles-per-slide", "2", "--size", "32", "--workers", "1"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["her2bench", "phantom", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
        raise SystemExit(0)
    return int(stop.value.code or 0)


def test_it_draws_then_says_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "p", *SMALL) == 0
    assert "4 slides, 8 tiles" in capsys.readouterr().out
    assert run(monkeypatch, tmp_path / "p", *SMALL) == 0
    captured = capsys.readouterr()
    assert "exists already" in captured.out
    assert captured.err == ""


def test_options_overrule_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "c.toml"
    config.write_text("slides = 50\nsize = 32\ntiles_per_slide = 2\nseed = 9\n", encoding="utf-8")
    out = tmp_path / "p"
    assert run(monkeypatch, out, "--config", config, "--slides", 3, "--workers", 1) == 0
    kept = read_settings(out / "phantom.toml")
    assert (kept["slides"], kept["size"], kept["seed"]) == (3, 32, 9)


@pytest.mark.parametrize(
    ("text", "message"),
    [("slide = 3\n", "did you mean 'slides'"), ("slides = -1\n", "slides"), ("slides\n", "TOML")],
)
def test_a_wrong_file_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    message: str,
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(text, encoding="utf-8")
    assert run(monkeypatch, tmp_path / "p", "--config", config) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "wrong.toml" in error
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("wrong", [["--size", "-5"], ["--workers", "0"], ["--layout", "xyz"]])
def test_wrong_options_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: list[str]
) -> None:
    assert run(monkeypatch, tmp_path / "p", *wrong) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_shipped_settings_are_valid() -> None:
    settings = phantom_settings(read_settings(CONFIGS / "phantom_tiles.toml"))
    assert (settings.slides, settings.size) == (51, 128)

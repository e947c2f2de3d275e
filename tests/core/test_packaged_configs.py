"""Configs that come with the package are found by name, in a checkout and in a wheel."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import her2bench as hb
from her2bench.core.errors import UserError
from her2bench.core.packaged_configs import config_path, packaged_configs

ROOT = Path(__file__).parents[2]


def test_a_packaged_config_is_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_path("sound", "compare").samefile(ROOT / "configs" / "sound.toml")
    assert config_path("phantom_tiles", "phantom").samefile(ROOT / "configs" / "phantom_tiles.toml")
    Path("sound").mkdir()
    assert config_path("sound", "compare").is_file()
    with pytest.raises(UserError, match=r"manifest\.csv: no such file"):
        hb.compare("sound", overrides=["models=['lenet']"])
    with pytest.raises(UserError, match="slides"):
        hb.phantom("p", config="phantom_tiles", slides=0)


def test_each_command_has_its_own():
    assert {"her2_tma", "notebook", "ordinal", "phantom", "sound"} <= set(
        packaged_configs("compare")
    )
    assert not {"phantom_tiles", "bench_gpu"} & set(packaged_configs("compare"))
    assert list(packaged_configs("phantom")) == ["phantom_tiles"]


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sound").write_text("")
    assert config_path("sound", "compare") == Path("sound")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("soud", "did you mean 'sound'?"),
        ("configs/sound.toml", "name a file, or take the packaged one: sound"),
        ("mine.toml", "name a file, or one of the packaged configs"),
    ],
)
def test_an_unknown_one_names_the_packaged(given, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        config_path(given, "compare")
    assert error.value.hint == hint and "notebook, ordinal, phantom, sound" in error.value.expected
    assert "no such config file" in str(error.value)


@pytest.mark.slow
def test_the_wheel_contains_the_configs(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    for name in ("src", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=leave)
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools.build_meta import build_sdist, build_wheel as w; w('..'); "
    done = subprocess.run(
        [sys.executable, "-c", f"{build}build_sdist('..')"],
        cwd=source, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path / "sdist")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    for place in (tmp_path / "installed" / "her2bench", *(tmp_path / "sdist").iterdir()):
        found = sorted(path.name for path in (place / "configs").glob("*.toml"))
        assert found == sorted(path.name for path in (ROOT / "configs").glob("*.toml"))
    use = (
        "from her2bench.core.packaged_configs import config_path as c; print(c('sound','compare'))"
    )
    # Not measured: the copy's lines would count as lines that no test runs.
    unmeasured = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    seen = subprocess.run(
        [sys.executable, "-c", use],
        cwd=tmp_path, env={**unmeasured, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True, text=True,
    )  # fmt: skip
    assert Path(seen.stdout.strip()) == tmp_path / "installed/her2bench/configs/sound.toml"

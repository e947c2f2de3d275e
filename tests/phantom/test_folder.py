"""The folder: layouts, determinism whatever the workers, never drawn twice or half."""

from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from her2bench.core.errors import UserError
from her2bench.core.manifest import read_manifest, targets
from her2bench.phantom import PhantomSettings, phantom_settings, write_phantom

SMALL = PhantomSettings(slides=5, tiles_per_slide=4, size=32, mpp=1.5)


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_manifest_is_readable_and_complete(tmp_path: Path) -> None:
    assert write_phantom(tmp_path / "p", SMALL, workers=1)
    manifest = read_manifest(tmp_path / "p" / "manifest.csv")
    assert len(manifest) == 20
    assert manifest["group_id"].n_unique() == 5
    assert set(manifest["score"]) == {0, 1, 2, 3}
    assert {"mpp", "tumour_fraction", "tile_score", "white_level"} <= set(manifest.columns)
    assert targets(manifest, "status").len() == 20
    for path in manifest["path"]:
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (32, 32))


@pytest.mark.slow
def test_workers_do_not_change_a_byte(tmp_path: Path) -> None:
    write_phantom(tmp_path / "one", SMALL, workers=1)
    write_phantom(tmp_path / "two", SMALL, workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_draws_others(tmp_path: Path) -> None:
    write_phantom(tmp_path / "a", SMALL, workers=1)
    write_phantom(tmp_path / "b", SMALL.model_copy(update={"seed": 1}), workers=1)
    one, two = contents(tmp_path / "a"), contents(tmp_path / "b")
    shared = one.keys() & two.keys()
    assert any(name.endswith(".jpg") for name in shared)
    assert all(two[name] != one[name] for name in shared)


def test_the_same_again_does_nothing_and_another_is_refused(tmp_path: Path) -> None:
    assert write_phantom(tmp_path / "p", SMALL, workers=1)
    before = contents(tmp_path / "p")
    assert not write_phantom(tmp_path / "p", SMALL, workers=1)
    with pytest.raises(UserError, match=r"size = 32\n.*size = 64"):
        write_phantom(tmp_path / "p", SMALL.model_copy(update={"size": 64}), workers=1)
    assert contents(tmp_path / "p") == before


def test_a_folder_of_something_else_is_refused_and_an_empty_one_filled(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="not a phantom"):
        write_phantom(tmp_path / "mine", SMALL, workers=1)
    (tmp_path / "empty").mkdir()
    assert write_phantom(tmp_path / "empty", SMALL, workers=1)
    assert (tmp_path / "empty" / "manifest.csv").is_file()


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    def stop(tiles: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_phantom(tmp_path / "p", SMALL, workers=1, advance=stop)
    assert list(tmp_path.iterdir()) == []


def test_bci_layout(tmp_path: Path) -> None:
    write_phantom(tmp_path / "p", SMALL.model_copy(update={"layout": "bci"}), workers=1)
    files = [p for p in (tmp_path / "p" / "BCI_dataset").rglob("*") if p.is_file()]
    assert len(files) == 20
    assert sum(p.parent.name == "test" for p in files) == 4
    pattern = r"^\d{5}_(train|test)_(0|1\+|2\+|3\+)\.png$"
    assert all(pl.Series([p.name]).str.contains(pattern).all() for p in files)
    assert files[0].read_bytes()[:3] == b"\xff\xd8\xff"
    truth = pl.read_csv(tmp_path / "p" / "truth.csv")
    assert {tmp_path / "p" / path for path in truth["path"]} == set(files)
    assert truth["group_id"].n_unique() == 5
    shared = truth.group_by("group_id").agg(pl.col("path").sort().first())
    numbers = np.sort([int(Path(p).name[:5]) for p in shared["path"]])
    assert len(set(numbers.tolist())) > 1


def test_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'confounding'"):
        phantom_settings({"confouding": 0.5})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slides", 0),
        ("slides", -3),
        ("tiles_per_slide", 0),
        ("size", 1),
        ("size", 10**6),
        ("mpp", 0),
        ("mpp", float("nan")),
        ("seed", -1),
        ("confounding", 1.5),
        ("quality", 0),
        ("layout", "bsi"),
        ("slides", "many"),
    ],
)
def test_absurd_settings_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(UserError, match=name):
        phantom_settings({name: value})


def test_a_worker_that_was_killed_is_said(tmp_path, monkeypatch) -> None:
    def killed(*_arguments):
        raise BrokenProcessPool("terminated abruptly")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor.map", killed)
    with pytest.raises(UserError, match="ended from outside"):
        write_phantom(tmp_path / "p", SMALL.model_copy(update={"tiles_per_slide": 40}), workers=2)
    assert not list(tmp_path.iterdir())


def test_a_link_to_an_empty_folder_stays(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert write_phantom(tmp_path / "link", SMALL, workers=1)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "manifest.csv").is_file()

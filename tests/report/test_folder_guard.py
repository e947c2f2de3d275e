"""A report stays in its folder, whatever names and links the folder holds."""

import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder
from her2bench.report.folder_guard import check_inside
from her2bench.report.labels import slug
from her2bench.report.pages.model_card import write_cards
from her2bench.report.pages.report_page import write_report
from her2bench.report.sections.methods import command, flat_settings
from tests.report.conftest import make_comparison

NAMES = ["$(touch pwned)", "`touch pwned`", "a b", "it's", 'q"q', "-o", "a;b", "!!"]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_can_be_copied_into_a_shell(name, tmp_path):
    material: Any = SimpleNamespace(folder=ComparisonFolder(tmp_path / name))
    words = shlex.split(command(material))
    start = "./" if name.startswith("-") else ""
    assert words[:3] == ["her2bench", "compare", f"{start}{name}/comparison.toml"]
    assert words[-2:] == ["-o", f"{start}{name}-again"]
    if set(name) & set("$`;! "):
        assert f"'{name}/comparison.toml'" in command(material)


def test_paths_of_this_machine_are_names_alone():
    settings = {"manifest": "/home/me/her2/m.csv", "split": {"by": ["C:\\data\\t.csv", "a/b"]}}
    assert flat_settings(settings) == [("manifest", "m.csv"), ("split.by", "t.csv, a/b")]


@pytest.mark.parametrize("model", ["../../victim", "../victim", "..", "."])
def test_a_model_name_leads_nowhere(model, tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    folder = make_comparison(tmp_path / "c", slides=6, tiles=2, seeds=(0,), gallery=False)
    (folder.path / "victim").mkdir()
    material: Any = SimpleNamespace(folder=folder, networks=[model], config={})
    write_cards(material)
    assert not list(tmp_path.glob("**/card.md"))


@pytest.mark.parametrize(
    "place", ["report.html", "figures", "figures/roc.svg", "runs/lenet/card.md"]
)
def test_a_link_out_of_the_folder_is_refused(place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    folder = ComparisonFolder(tmp_path / "c")
    path = folder.path / place
    path.parent.mkdir(parents=True)
    path.symlink_to(outside if place == "figures" else outside / "file")
    with pytest.raises(UserError, match="leads out of the comparison folder"):
        write_report(folder)
    assert (outside / "file").read_text() == "mine" and len(list(outside.iterdir())) == 1


def test_a_folder_reached_by_a_link_is_its_own(tmp_path):
    folder = ComparisonFolder(tmp_path / "c")
    (folder.figures).mkdir(parents=True)
    (folder.figures / "a.svg").touch()
    (tmp_path / "link").symlink_to("c")
    check_inside(ComparisonFolder(tmp_path / "link"))


def test_figures_of_models_with_like_names_have_files_of_their_own():
    assert len({slug(name) for name in ("a/b", "a-b", "a b", "x" * 70, "x" * 71)}) == 5

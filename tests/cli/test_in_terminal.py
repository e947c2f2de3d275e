"""`compare` in a real terminal of 80 columns: its bar, Ctrl-C and SIGTERM."""

import os
import signal

import pytest
import tomli_w

from her2bench.phantom import PhantomSettings, write_phantom
from tests.cli.pseudo_terminal import in_terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
CONFIG = {
    "manifest": "p/manifest.csv",
    "models": ["lenet"],
    "baselines": ["always_positive", "background_baseline"],
    "seeds": [0],
    "size": 64,
    "split": {"kind": "grouped", "validation": 0.25, "test": 0.25},
    "score": {"bootstrap": 200, "flips": 99},
}


COMPARE = ("compare", "c.toml", "--cache", "cache", "--device", "cpu", "--no-self-test", "-o")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A phantom and a config, with so many epochs, beside it; returns their folder."""
    place = tmp_path_factory.mktemp("terminal")
    write_phantom(place / "p", PhantomSettings(slides=16, tiles_per_slide=4, size=64), workers=1)

    def write(epochs):
        recipe = {"epochs": epochs, "batch": 16, "learning_rates": [1e-4]}
        (place / "c.toml").write_text(tomli_w.dumps({**CONFIG, "recipe": recipe}))
        return place

    return write


@pytest.mark.slow
def test_no_line_is_wider_and_each_stage_is_named(folder):
    screen = in_terminal((*COMPARE, "out"), cwd=folder(2))
    assert screen.code == 0, screen.raw[-2000:]
    assert max(map(len, screen.lines)) <= 80 and "…" not in "".join(screen.lines)
    stages = ("preparing", "looking at tiles", "[3/3] LeNet", "left")
    stages = (*stages, "making the scores", "making the report", "report: out")
    places = ["\n".join(screen.lines).find(stage) for stage in stages]
    assert -1 not in places and places == sorted(places)
    assert screen.cursor_is_shown


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_says_what_is_kept_and_how_to_go_on(number, code, folder):
    """The second one stops what goes on from the first."""
    command = (*COMPARE, "stopped", "--no-audit")
    screen = in_terminal(command, stop=number, after="[3/3] LeNet", cwd=(place := folder(9999)))
    assert screen.code == code
    assert screen.lines[-1].endswith("kept; run the same command again to resume")
    assert "Traceback" not in screen.raw and screen.cursor_is_shown
    assert (place / "stopped/runs/background_baseline/seed-0/fold-0/DONE").is_file()


def test_the_cursor_is_shown_where_a_second_signal_ends_it_at_once():
    code = """
import os, signal, time
from her2bench.cli import stopping
from her2bench.core.console import progress
stopping._PATIENCE = -1.0
with stopping.stoppable(), progress() as bar:
    bar.add_task("busy", total=1)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
    except stopping.Stopped:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(30)
"""
    screen = in_terminal((), program=("-c", code))
    assert screen.code == 143, screen.raw
    assert "\x1b[?25l" in screen.raw and screen.cursor_is_shown

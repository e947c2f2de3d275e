"""Ctrl-C, SIGTERM, a full or closed stdout, too little memory: a message and an exit code."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import tomli_w

from her2bench.cli.main import main
from her2bench.core.parallel import follow, workers

posix = pytest.mark.skipif(os.name != "posix", reason="signals and descriptors")
PREDICTIONS = "model,tile_id,target,probability\n" + "".join(
    f"{model},t{i},{i % 2},0.{i}\n" for model in ("ä–µ", "lenet") for i in range(1, 9)
)


def ends(monkeypatch, *arguments) -> int:
    monkeypatch.setattr("sys.argv", ["her2bench", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def her2bench(*arguments, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "her2bench", *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace", **options)


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_comparison_says_how_to_go_on(number, code, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(tomli_w.dumps({"manifest": "m.csv", "models": ["lenet"]}))

    def work(*_arguments):
        os.kill(os.getpid(), number)
        time.sleep(20)

    monkeypatch.setattr("her2bench.comparison.compare.compare", work)
    assert ends(monkeypatch, "compare", "c.toml") == code
    assert "kept; run the same command again" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # as it was


@pytest.mark.slow
@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_processes_that_draw_end_with_the_command(number, code, tmp_path):
    options = ["--slides", 8, "--tiles-per-slide", 2000, "--size", 64, "--workers", 2]
    process = her2bench("phantom", tmp_path / "p", *options, start_new_session=True)
    end = time.monotonic() + 120
    while not any(tmp_path.rglob("*.jpg")) and time.monotonic() < end:
        time.sleep(0.1)
    if number == signal.SIGINT:  # a terminal sends it to all processes
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == code
    assert printed == "stopped: no partial output is left; run the same command again\n"
    assert not list(tmp_path.iterdir())


def test_no_job_is_begun_after_a_stop():
    begun = []
    first = threading.Event()

    def job(i):
        begun.append(i)
        first.set()
        time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt), workers(1) as pool:
        for i in range(1000):
            pool.submit(job, i)
        first.wait(30)
        raise KeyboardInterrupt
    assert len(begun) < 100


def test_a_job_that_fails_ends_the_others():
    begun = []

    def job(i):
        begun.append(i)
        time.sleep(0.01)
        raise ValueError(i)

    with pytest.raises(ValueError), workers(1) as pool:
        follow([pool.submit(job, i) for i in range(1000)], "working")
    assert len(begun) < 100


@posix
def test_a_reader_that_is_gone_leaves_the_files(tmp_path):
    (tmp_path / "p.csv").write_text(PREDICTIONS, encoding="utf-8")
    end, start = os.pipe()
    os.close(end)
    command = ["score", "p.csv", "-o", "s.json", "--bootstrap", 0]
    process = her2bench(*command, cwd=tmp_path, stdout=start)
    os.close(start)
    _, printed = process.communicate(timeout=120)
    assert process.returncode == 141 and printed == ""
    assert json.loads((tmp_path / "s.json").read_text())["rows"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_stdout_is_said():
    with Path("/dev/full").open("w") as full:
        process = her2bench("--version", stdout=full)
        _, printed = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Traceback" not in printed and "disk is full" in printed


@posix
def test_a_closed_stdout_is_no_failure(tmp_path):
    command = f"{sys.executable} -m her2bench --version >&- 2> printed <&-"
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path, timeout=120).returncode == 0
    assert (tmp_path / "printed").read_text() == ""


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_any_encoding_takes_the_table_and_the_json(encoding, tmp_path):
    (tmp_path / "p.csv").write_text(PREDICTIONS, encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for option, more in (("table", ()), ("json", ("--json",))):
        command = ["score", "p.csv", "--bootstrap", 0, *more]
        process = her2bench(*command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
        out, printed = process.communicate(timeout=120)
        assert (process.returncode, printed) == (0, "")
        if option == "json":
            assert {row["model"] for row in json.loads(out)["rows"]} == {"ä–µ", "lenet"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError("Unable to allocate 1 TiB"), "the memory is full"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "memory of the GPU"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "the memory is full"),
        (RuntimeError("could not create a primitive"), "the memory is full"),
        (RuntimeError("can't start new thread"), "no further thread"),
        (OSError(24, "Too many open files", "m.csv"), "m.csv: too many files are open"),
    ],
)
def test_what_the_machine_lacks_is_named(error, message, monkeypatch, capsys):
    def lacking(*_arguments):
        raise error

    monkeypatch.setattr("her2bench.core.runs.opened_comparison", lacking)
    assert ends(monkeypatch, "report", "out") == 2
    assert message in capsys.readouterr().err


def test_internal_errors_keep_their_traceback(monkeypatch):
    def wrong(*_arguments):
        raise RuntimeError("something else")

    monkeypatch.setattr("her2bench.core.runs.opened_comparison", wrong)
    monkeypatch.setattr("sys.argv", ["her2bench", "report", "out"])
    with pytest.raises(RuntimeError, match="something else"):
        main()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["report"], "Missing argument"), (["score"], "at least one table"), (["no"], "No such")],
)
def test_usage_errors_exit_with_2(words, message, monkeypatch, capsys):
    assert ends(monkeypatch, *words) == 2
    assert message in capsys.readouterr().err


def test_a_name_in_a_message_is_written_out(monkeypatch, capsys):
    assert ends(monkeypatch, "score", "\x1b[31m.csv") == 2
    assert "\\x1b[31m.csv" in (printed := capsys.readouterr().err) and "\x1b" not in printed


def test_a_name_that_is_not_utf8_is_refused_by_name(monkeypatch, capsys):
    assert ends(monkeypatch, "score", "\udcff.csv") == 2
    assert "\\xff.csv" in capsys.readouterr().err

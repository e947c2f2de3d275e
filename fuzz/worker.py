"""One process that makes inputs and reads them, until its time is over: `python -m fuzz.worker`.

It writes one line of JSON for each input before it is read and one after, so that the process
above knows which input was being read when this one died or did not answer.
"""

import faulthandler
import json
import os
import sys
import time
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Any, TextIO

import her2bench
from fuzz.kinds import Kind, kind_of
from fuzz.workspace import Workspace, changes
from her2bench.cli.stopping import shortage

MEMORY = 4_000_000_000  # bytes that reading one input may take


def main() -> None:
    """Read one job as JSON from the first argument, work on it, and report on stdout."""
    job = json.loads(sys.argv[1])
    report = _own_stdout()
    workspace = Workspace(Path(job["workspace"]), Path(job["shared"]))
    with workspace.stderr.open("w", encoding="utf-8", errors="replace") as stderr:
        os.dup2(stderr.fileno(), 2)
        os.chdir(workspace.place)
        warnings.simplefilter("ignore")
        kind = kind_of(job["place"])(workspace)
        warnings.filterwarnings("error", category=RuntimeWarning)
        warnings.filterwarnings("ignore", message="Image size")  # a limit of ours comes after it
        _limit_memory()
        _work(kind, workspace, job, report, stderr)


def _own_stdout() -> TextIO:
    """The way up, kept from whatever the readers print."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return report


def _work(
    kind: Kind, workspace: Workspace, job: dict[str, Any], report: TextIO, stderr: TextIO
) -> None:
    before, n = workspace.stamps(), job["first"]
    while n == job["first"] or time.time() < job["until"]:
        path = Path(job["again"]) if job["again"] else _made(kind, workspace, job["name"], n)
        _say(report, at=n, file=str(path))
        faulthandler.dump_traceback_later(0.9 * job["patience"], file=stderr)
        result = _read(kind, path)
        faulthandler.cancel_dump_traceback_later()
        after = workspace.stamps()
        if outside := changes(before, after):
            result = {"outcome": "fault", "error": "wrote outside the output", "fault": outside[0]}
            result["text"] = "written outside of the output folder:\n" + "\n".join(outside)
        before, n = after, n + 1
        if result["outcome"] == "fault" and not job["again"]:
            path = path.replace(workspace.input / f"{n}{path.suffix}")  # the next one has its name
        _say(report, file=str(path), **result)
        if job["again"]:
            return


def _made(kind: Kind, workspace: Workspace, name: str, n: int) -> Path:
    """Input number n, the same for a name whatever was read before."""
    suffix, content = kind.make(Random(f"{name} {n}"))
    path = workspace.input / f"input{suffix}"
    path.write_bytes(content)
    return path


def _read(kind: Kind, path: Path) -> dict[str, str]:
    try:
        kind.read(path, Random(path.read_bytes()))
    except BaseException as error:  # noqa: BLE001 — a panic of the Parquet reader is no Exception
        meant = type(error).__name__ in ("UserError", "UnreadableImage", "Refused")
        if meant or shortage(error):  # the command line names what is short
            return {"outcome": "refused"}
        shown = "".join(traceback.format_exception(error, limit=-60))
        return {
            "outcome": "fault",
            "error": type(error).__name__,
            "fault": place_of(error),
            "text": shown[-20_000:],
        }
    return {"outcome": "accepted"}


def place_of(error: BaseException) -> str:
    """The innermost line of ours on the way to an error, as `core/tables.py:32`."""
    frames = traceback.extract_tb(error.__traceback__)
    package = Path(her2bench.__file__).parent
    for frame in reversed(frames):
        if Path(frame.filename).is_relative_to(package):
            return f"{Path(frame.filename).relative_to(package).as_posix()}:{frame.lineno}"
    last = frames[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _limit_memory() -> None:
    """Where the system can, a limit on memory beyond what is in use now."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError):
        return
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _say(report: TextIO, **line: Any) -> None:
    report.write(json.dumps(line) + "\n")
    report.flush()


if __name__ == "__main__":
    main()

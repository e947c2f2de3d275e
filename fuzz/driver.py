"""Workers under a watchdog, side by side, each kind of input for its share of the time."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fuzz.findings import Fault, Findings, place_in
from fuzz.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
_START = 120.0  # seconds in which a worker must be ready
_MOST_WAITS = 10  # times its patience that a worker gets where others take the cores


@dataclass
class Campaign:
    """What is tried and how.

    Args:
        kinds: name → (`module:Class`, share of the time).
        findings: where counts and faults go.
        seconds: of the whole.
        seed: of all inputs.
        lanes: workers at a time.
        patience: seconds after which a reader counts as hanging.
        shared: where `fuzz.comparison` has written its comparison.
    """

    kinds: dict[str, tuple[str, float]]
    findings: Findings
    seconds: float
    seed: int = 0
    lanes: int = 2
    patience: float = 10.0
    shared: Path = field(default_factory=Path)

    def run(self) -> None:
        """Try all kinds, one after the other in every lane."""
        with ThreadPoolExecutor(self.lanes) as pool:
            lanes = [pool.submit(self._lane, n) for n in range(self.lanes)]
        for lane in lanes:
            lane.result()  # a worker that failed by itself is no end of a campaign

    def again(self, name: str, file: Path) -> None:
        """Read one kept input once more."""
        self._watch(name, self._job(name, 0, 0) | {"again": str(file.resolve())})

    def _lane(self, lane: int) -> None:
        until = time.time()
        whole = sum(share for _, share in self.kinds.values())
        for name, (_, share) in self.kinds.items():
            until, first = until + self.seconds * share / whole, 0
            while not first or time.time() < until:
                first = self._watch(name, self._job(name, lane, first) | {"until": until})

    def _job(self, name: str, lane: int, first: int) -> dict:
        place, _ = self.kinds[name]
        return {
            "name": f"{self.seed} {name} {lane}",
            "place": place,
            "first": first,
            "patience": self.patience,
            "shared": str(self.shared.resolve()),
            "until": time.time() + _START,
            "again": "",
        }

    def _watch(self, name: str, job: dict) -> int:
        """One worker from start to end; the number of the input that the next one begins with."""
        with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
            workspace = Workspace(Path(folder) / "workspace", self.shared)
            workspace.build()
            worker = _started(job | {"workspace": str(workspace.root)}, workspace)
            try:
                return self._follow(name, worker, workspace, job["first"])
            finally:
                worker.kill()
                worker.wait()

    def _follow(self, name: str, worker: subprocess.Popen, workspace: Workspace, first: int) -> int:
        lines = _Lines(worker)
        at, reading, file = first - 1, False, Path()
        process, spent, waits = psutil.Process(worker.pid), 0.0, 0
        while True:
            try:
                line = lines.next(self.patience if reading else _START)
            except queue.Empty:
                if not reading:
                    raise RuntimeError(_failed(name, workspace)) from None
                waits += 1
                if waits < _MOST_WAITS and _starved(process, spent, self.patience):
                    continue
                self._end(name, "hang", f"no answer in {self.patience:g} s", workspace, file)
                return at + 1
            if line is None:
                if reading:
                    self._end(name, "death", f"exit {worker.wait()}", workspace, file)
                elif worker.wait():
                    raise RuntimeError(_failed(name, workspace))
                return at + 1
            if "at" in line:
                at, reading, file = line["at"], True, Path(line["file"])
                spent, waits = _seconds(process), 0
                continue
            reading = False
            if line["outcome"] == "fault":
                fault = Fault(name, "fault", line["error"], line["fault"])
                self.findings.add(fault, line["text"], Path(line["file"]))
            else:
                self.findings.count(name, line["outcome"])

    def _end(self, name: str, outcome: str, what: str, workspace: Workspace, file: Path) -> None:
        said = workspace.stderr.read_text(encoding="utf-8", errors="replace")
        dump = said[max(said.rfind("Timeout ("), said.rfind("Fatal "), 0) :][:20_000]
        self.findings.add(Fault(name, outcome, what, place_in(dump)), f"{what}\n{dump}", file)


class _Lines:
    """A worker's lines, read by a thread, so that they can be waited for (on Windows too)."""

    def __init__(self, worker: subprocess.Popen) -> None:
        self._queue: queue.Queue[dict | None] = queue.Queue()
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()

    def _read(self, worker: subprocess.Popen) -> None:
        for line in worker.stdout or ():
            self._queue.put(json.loads(line))
        self._queue.put(None)

    def next(self, seconds: float) -> dict | None:
        """The next line; None at the end. Raises queue.Empty where none comes in time."""
        return self._queue.get(timeout=seconds)


def _started(job: dict, workspace: Workspace) -> subprocess.Popen:
    """A worker whose home and temporary folder lie in its workspace."""
    home, temporary = str(workspace.home), str(workspace.temporary)
    environment = os.environ | {
        **dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA"), home),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), temporary),
        **dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONFAULTHANDLER": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "fuzz.worker", json.dumps(job)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=workspace.place,
    )


def _starved(process: psutil.Process, spent: float, patience: float) -> bool:
    """Whether a worker still computes, and had less than its time because others take the cores."""
    try:
        busy = [process, *process.children(recursive=True)]  # figures are drawn by several
        running = any(each.status() == psutil.STATUS_RUNNING for each in busy)
    except psutil.Error:
        return False
    return running and _seconds(process) - spent < patience


def _seconds(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])  # those of its ended children too
    except psutil.Error:  # it is dead already
        return 0.0


def _failed(name: str, workspace: Workspace) -> str:
    said = (
        workspace.stderr.read_text(encoding="utf-8", errors="replace")
        if workspace.stderr.exists()
        else ""
    )
    return f"the worker of {name} failed by itself:\n{said}"

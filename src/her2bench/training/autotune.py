"""A short self-test before training: which way of computing a network is the fastest here.

What is fastest depends on network, tile size and processor, and cannot be told without trying.
The choice is kept in a file, so that the same machine always computes the same way: another way
gives the same results only to rounding.
"""

import itertools
import json
import platform
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.core.atomic_io import check_writable, reading, replacing
from her2bench.core.memory import release_memory
from her2bench.core.notes import note
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.training.loop import adam

_PIECE = 8  # tiles: the activations of so many stay near the processor's cache
_TIMED = 2  # steps, after one to warm up
_WORTH = 20  # training this many times as long as the self-test
_LARGE = 2 * 2**30  # bytes of a batch's activations: beyond, only pieces of it are affordable
_MARGIN = 0.05  # what a candidate must gain on the plain way, or noise would choose


@dataclass(frozen=True)
class Trial:
    """What is to be computed: a network on tiles of `size` px, in batches, at a precision."""

    model: str
    size: int
    batch: int
    device: torch.device
    precision: str

    @property
    def key(self) -> str:
        """Names the trial and the machine."""
        there = torch.cuda.get_device_name() if self.device.type == "cuda" else platform.node()
        what = f"{self.model} {self.size} px, batch {self.batch}, {self.precision}"
        threads = f"{torch.get_num_threads()} threads"
        return f"{what}, {self.device.type} {there}, {threads}, torch {torch.__version__}"

    @property
    def candidates(self) -> list[Compute]:
        """The ways to try, the plain one first; where a batch is large, pieces of it alone.

        What layers leave for each other, and gradients on the way back, are then needed for a
        piece at a time, which makes up for the memory that `keep_memory` leaves unused.
        """
        if self.device.type not in ("cpu", "cuda"):
            return [PLAIN]
        piecewise = self.device.type == "cpu" and self.batch > _PIECE
        pieces = (None, _PIECE) if piecewise else (None,)
        if piecewise and self._activations > _LARGE:
            pieces = (_PIECE,)
        return [Compute(last, piece) for piece, last in itertools.product(pieces, (False, True))]

    @property
    def _activations(self) -> int:
        """Bytes that the layers of the network put out for a batch."""
        sizes = []
        with torch.device("meta"):  # nothing is computed
            network, tiles = build_model(self.model, self.size), torch.empty(1, 3, *[self.size] * 2)
        for layer in network.modules():
            if not list(layer.children()):
                layer.register_forward_hook(lambda _, given, output: sizes.append(output.nbytes))
        network(tiles)
        return self.batch * sum(sizes)


def chosen_compute(trial: Trial, steps: int, record: Path) -> Compute:
    """The fastest way to compute, from the record or by a self-test, which is then recorded.

    Args:
        trial: what is to be computed.
        steps: how many training steps are planned; for few, the first way is good enough.
        record: JSON file of this machine's choices.
    """
    ways, known = trial.candidates, _read(record)
    if set(known.get(trial.key, {}).get("seconds_a_step", ())) == {str(way) for way in ways}:
        return Compute(**known[trial.key]["chosen"])
    if steps < _WORTH * len(ways) * (1 + _TIMED) or len(ways) == 1:
        return ways[0]
    seconds = dict(zip(ways, step_seconds(trial, ways), strict=True))
    release_memory()  # the trial network's, or the training would come on top of it
    chosen = fastest(seconds)
    entry = {
        "chosen": asdict(chosen),
        "seconds_a_step": {str(compute): round(s, 5) for compute, s in seconds.items()},
    }
    _write(record, {**_read(record), trial.key: entry})
    return chosen


def fastest(seconds: Mapping[Compute, float]) -> Compute:
    """The quickest candidate; the first, plainest one unless another gains enough to be believed.

    >>> fastest({PLAIN: 1.0, Compute(piece=8): 0.99}) == PLAIN
    True
    """
    plain = next(iter(seconds))
    best = min(seconds, key=lambda compute: seconds[compute])
    return best if seconds[best] < (1 - _MARGIN) * seconds[plain] else plain


def step_seconds(trial: Trial, ways: Sequence[Compute]) -> list[float]:
    """The time of one training step in each way, the least of a few, on tiles drawn at random.

    The ways take turns, so that none pays for the memory that the first step has to fetch.
    """
    device = trial.device
    fabric = Fabric(accelerator=device.type, devices=1, precision=trial.precision)  # type: ignore[arg-type]
    model = build_model(trial.model, trial.size).to(device)
    wrapped, optimiser = fabric.setup(model, adam(model, 1e-6, device))
    tiles = torch.rand(trial.batch, 3, trial.size, trial.size, device=device)
    aims, loss = torch.ones(trial.batch, device=device), nn.BCEWithLogitsLoss()
    times: list[list[float]] = [[] for _ in ways]
    for _, (way, seconds) in itertools.product(range(1 + _TIMED), zip(ways, times, strict=True)):
        way.set_on(model)
        inputs = way.laid_out(tiles)
        start = time.perf_counter()
        optimiser.zero_grad()
        fabric.backward(loss(wrapped(inputs).view_as(aims), aims))
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return [min(each[1:]) for each in times]


def _read(record: Path) -> dict[str, dict]:
    """The entries; none where the file is damaged: they are only times, soon measured again."""
    if not record.is_file():
        return {}
    with reading(record):
        content = record.read_bytes()
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    entries: dict[str, Any] = found if isinstance(found, dict) else {"": None}
    whole = {key: entry for key, entry in entries.items() if _is_whole(entry)}
    if len(whole) < len(entries):
        note(record, "damaged or of another version: what is the fastest here is tried again")
    return whole


def _is_whole(entry: Any) -> bool:
    """A choice and its times as they were written."""
    if not isinstance(entry, dict) or not isinstance(entry.get("seconds_a_step"), dict):
        return False
    chosen, names = entry.get("chosen"), {field.name for field in fields(Compute)}
    known = isinstance(chosen, dict) and set(chosen) <= names
    return known and entry.get("checksum") == _checksum(entry)


def _checksum(entry: dict) -> str:
    rest = {key: value for key, value in entry.items() if key != "checksum"}
    return f"{zlib.crc32(json.dumps(rest, sort_keys=True).encode()):08x}"


def _write(record: Path, entries: dict[str, dict]) -> None:
    check_writable(record.parent, "--cache or HER2BENCH_CACHE")
    sealed = {key: entry | {"checksum": _checksum(entry)} for key, entry in entries.items()}
    with replacing(record) as temporary:
        temporary.write_text(json.dumps(sealed, indent=2), encoding="utf-8")

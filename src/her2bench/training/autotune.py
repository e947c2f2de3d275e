"""A short benchmark before training that chooses the fastest way to compute a network.

The fastest way depends on network, tile size and processor. The choice is stored in a file, so that
the same machine always uses the same one: results of different ways differ by rounding.
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
from her2bench.models.features import Features
from her2bench.models.registry import build_model
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.training.optimiser import adam

_PIECE = 8  # tiles whose activations fit approximately into the processor's cache
_TIMED = 2  # steps, after one to warm up
_WORTH = 20  # minimum ratio of training time to benchmark time
_LARGE = 2 * 2**30  # bytes of a batch's activations: larger batches are always split
_MARGIN = 0.05  # minimum relative gain over the default, above the noise


@dataclass(frozen=True)
class Trial:
    """The benchmarked computation: a network on tiles of `size` px, in batches, at a precision."""

    model: str
    size: int
    batch: int
    device: torch.device
    precision: str

    @property
    def key(self) -> str:
        """Key of trial and machine."""
        there = torch.cuda.get_device_name() if self.device.type == "cuda" else platform.node()
        what = f"{self.model} {self.size} px, batch {self.batch}, {self.precision}"
        threads = f"{torch.get_num_threads()} threads"
        return f"{what}, {self.device.type} {there}, {threads}, torch {torch.__version__}"

    @property
    def candidates(self) -> list[Compute]:
        """The candidates, the default first; for a large batch only pieces.

        Only networks with `Features` can be computed in pieces. Activations and gradients then
        exist for one piece at a time, which compensates for the memory that `keep_memory` does
        not return.
        """
        if self.device.type not in ("cpu", "cuda"):
            return [PLAIN]
        piecewise = self.device.type == "cpu" and self.batch > _PIECE and self._splits
        pieces = (None, _PIECE) if piecewise else (None,)
        if piecewise and self._activations > _LARGE:
            pieces = (_PIECE,)
        return [Compute(last, piece) for piece, last in itertools.product(pieces, (False, True))]

    def _empty(self) -> nn.Module:
        """The network without content: nothing is computed with it."""
        with torch.device("meta"):
            return build_model(self.model, self.size).eval()

    @property
    def _splits(self) -> bool:
        return any(isinstance(layer, Features) for layer in self._empty().modules())

    @property
    def _activations(self) -> int:
        """Bytes of all layer outputs for a batch."""
        sizes = []
        network, tiles = self._empty(), torch.empty(1, 3, *[self.size] * 2, device="meta")
        for layer in network.modules():
            if not list(layer.children()):
                layer.register_forward_hook(lambda _, given, output: sizes.append(output.nbytes))
        network(tiles)
        return self.batch * sum(sizes)


def chosen_compute(trial: Trial, steps: int, record: Path) -> Compute:
    """The fastest way to compute, from the record or a new benchmark.

    Args:
        trial: the computation.
        steps: number of planned training steps; for few, the default is used.
        record: JSON file of this machine's choices.
    """
    ways, known = trial.candidates, _read(record)
    if set(known.get(trial.key, {}).get("seconds_a_step", ())) == {str(way) for way in ways}:
        return Compute(**known[trial.key]["chosen"])
    if steps < _WORTH * len(ways) * (1 + _TIMED) or len(ways) == 1:
        return ways[0]
    try:
        seconds = dict(zip(ways, step_seconds(trial, ways), strict=True))
    except torch.OutOfMemoryError:  # training then takes fewer tiles at a time
        return ways[0]
    release_memory()  # memory of the trial network, before training
    chosen = fastest(seconds)
    entry = {
        "chosen": asdict(chosen),
        "seconds_a_step": {str(compute): round(s, 5) for compute, s in seconds.items()},
    }
    _write(record, {**_read(record), trial.key: entry})
    return chosen


def fastest(seconds: Mapping[Compute, float]) -> Compute:
    """The fastest candidate; the default unless another is faster by the margin.

    >>> fastest({PLAIN: 1.0, Compute(piece=8): 0.99}) == PLAIN
    True
    """
    plain = next(iter(seconds))
    best = min(seconds, key=lambda compute: seconds[compute])
    return best if seconds[best] < (1 - _MARGIN) * seconds[plain] else plain


def step_seconds(trial: Trial, ways: Sequence[Compute]) -> list[float]:
    """The minimum time of a training step for each candidate, on random tiles.

    The candidates alternate, so that none includes the initial memory allocation.
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
    """The entries; damaged ones are dropped and measured again."""
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
        note(record, "damaged or of another version: the benchmark is repeated")
    return whole


def _is_whole(entry: Any) -> bool:
    """Whether an entry is complete and unchanged."""
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

"""Weights files: headers and bytes changed, loaded and asked about a tile."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import torch

from fuzz.mutation import mutated, name, text
from fuzz.workspace import Workspace
from her2bench.core.run_folder import RunFolder
from her2bench.prediction.trained_networks import load_trained

_VOUCHED = 0.9  # share of files whose checksum DONE is made to hold, or none were read further
_DTYPES = ("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "C64", "X")
_SIZES = ("0", "-1", "1", "63", "64", "65", "299", "100000", "1000000000", "9" * 30, "6.4", "64 ")
_NUMBERS = (
    "nan",
    "inf",
    "1e999",
    "[]",
    "[1]",
    "[1, 2, 3]",
    "[0, 0, 0]",
    "[null, 1, 1]",
    "null",
    "{}",
)


class Weights:
    """The safetensors file of a finished run."""

    def __init__(self, workspace: Workspace) -> None:
        sound = workspace.shared / "comparison" / "runs" / "lenet" / "seed-0" / "fold-0"
        shutil.copytree(sound, workspace.out / "fold-0")
        self._run = RunFolder(workspace.out / "fold-0")
        self._summary = self._run.summary()
        data = self._run.weights.read_bytes()
        size = int.from_bytes(data[:8], "little")
        self._header: dict[str, Any] = json.loads(data[8 : 8 + size])
        self._head, self._body = data[: 8 + size], data[8 + size :]

    def make(self, rng: Random) -> tuple[str, bytes]:
        choice = rng.random()
        if choice < 0.6:
            head = _with_length(json.dumps(self._changed(rng)).encode(), rng)
        elif choice < 0.9:
            head = mutated(self._head, rng)
        else:
            return ".safetensors", mutated(self._head + self._body, rng)
        body = self._body if rng.random() < 0.5 else self._body[: rng.choice((0, 7, 4096))]
        return ".safetensors", head + body

    def read(self, path: Path, rng: Random) -> None:
        shutil.copyfile(path, self._run.weights)
        if rng.random() < _VOUCHED:
            self._run.mark_done(self._summary)
        model, description = load_trained(self._run, torch.device("cpu"))
        if description.size <= 512:
            tile = torch.full((1, description.size, description.size, 3), 200, dtype=torch.uint8)
            with torch.inference_mode():
                model(description.preparation(tile))

    def _changed(self, rng: Random) -> dict[str, Any]:
        header = json.loads(json.dumps(self._header))
        for _ in range(rng.randint(1, 2)):
            if rng.random() < 0.5:
                metadata = header.setdefault("__metadata__", {})
                key = rng.choice(list(metadata) or ["model"])
                if rng.random() < 0.15:
                    del metadata[key]
                else:
                    metadata[key] = _metadata(key, rng)
            else:
                _tensor(header, rng)
        return header


def _metadata(key: str, rng: Random) -> Any:
    if key == "size" and rng.random() < 0.8:
        return rng.choice(_SIZES)
    if key == "model" and rng.random() < 0.5:
        return rng.choice(("alexnet", "mini_hahnet", "dab_baseline", "../lenet", ""))
    if rng.random() < 0.1:
        return rng.choice((None, 1, [], {}))
    return rng.choice((rng.choice(_NUMBERS), text(rng)))


def _tensor(header: dict[str, Any], rng: Random) -> None:
    key = rng.choice([k for k in header if k != "__metadata__"] or ["x"])
    entry = header.pop(key, None)
    if not isinstance(entry, dict) or not isinstance(entry.get("shape"), list):
        entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    change = rng.choice(("name", "dtype", "shape", "offsets", "drop", "odd"))
    numbers = (-1, 0, 1, 3, 2**31, 2**63, 2**64, 10**30, 1.5, None, "1")
    if change == "dtype":
        entry["dtype"] = rng.choice(_DTYPES)
    elif change == "shape":
        entry["shape"] = rng.choice(
            ([], [rng.choice(numbers)] * 2, [*entry["shape"], 1], entry["shape"][::-1])
        )
    elif change == "offsets":
        entry["data_offsets"] = [rng.choice(numbers), rng.choice(numbers)]
    elif change == "odd":
        entry = rng.choice((None, [], 1, {}, "x"))
    if change != "drop":
        header[name(key, rng) if change == "name" else key] = entry


def _with_length(header: bytes, rng: Random) -> bytes:
    size = len(header)
    if rng.random() < 0.1:
        size = rng.choice((0, 1, size - 1, size + 1, 2**31, 2**63, 2**64 - 1, 100_000_001))
    return size.to_bytes(8, "little") + header

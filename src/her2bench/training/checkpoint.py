"""Files of a run in progress, so that a killed run can resume with the same result.

`state.safetensors` holds the network, the optimiser and, in its header, the epochs so far;
`best-<epoch>.safetensors` the weights of the best epoch; `kept.safetensors` the final weights of a
training that others follow. No random state is stored, because each epoch has its own seed. A file
that is damaged or of another training is removed, and its epochs are repeated.
"""

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from her2bench.core.errors import UserError
from her2bench.core.notes import note
from her2bench.prediction.weights import read_tensors, write_tensors

_LARGE = 2**30  # bytes; larger weights are not kept in memory twice
_BYTES_PER_SECOND = 4e8  # of a slow disk: assumed until measured


@dataclass
class Checkpoint:
    """The files of one run in progress, in one folder.

    Attributes:
        folder: their folder.
        training: key of the training; files with another key are not used.
        share_of_time: maximum share of training time spent on writing states.
    """

    folder: Path
    training: str = ""
    share_of_time: float = 0.02
    _written_at: float = field(default_factory=time.monotonic, init=False)
    _cost: float | None = field(default=None, init=False)
    _best: dict[str, Tensor] | None = field(default=None, init=False)

    @property
    def begun(self) -> bool:
        """Whether any file of the training exists."""
        return any(self._read(path) is not None for path in (self._state, self._kept))

    def load(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        average: nn.Module | None = None,
    ) -> dict[str, Any] | None:
        """Restore network, optimiser and average; return the progress, None without a state."""
        found = self._read(self._state)
        if found is None:
            return None
        tensors, header = found
        progress = json.loads(header["progress"])
        if header["has_best"] == "yes":
            best = self._read(self._best_file(progress["best_epoch"]))
            if best is None:
                self._remove(self._state, "the best epoch's weights are missing")
                return None
            self._best = None if _large(best[0]) else best[0]
        model.load_state_dict(_under("model", tensors))
        if average is not None:
            average.load_state_dict(_under("average", tensors))
        state = optimiser.state_dict()
        kept: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser", tensors).items():
            index, _, key = name.partition(".")
            kept.setdefault(int(index), {})[key] = value
        optimiser.load_state_dict({**state, "state": kept})
        return progress

    def save(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        progress: dict[str, Any],
        average: nn.Module | None = None,
    ) -> None:
        """Write the state after an epoch, unless writing would take too much time.

        After a stop, the epochs since the last written state are repeated, with the same
        result.
        """
        tensors = _state_of(model, optimiser, average)
        now = time.monotonic()
        cost = self._cost or sum(t.nbytes for t in tensors.values()) / _BYTES_PER_SECOND
        if now - self._written_at < cost / self.share_of_time:
            return
        best = self._best_file(progress["best_epoch"])
        if self._best is not None and not best.is_file():
            self._write(self._best, best)
        has_best = "yes" if best.is_file() else "no"
        self._write(tensors, self._state, progress=json.dumps(progress), has_best=has_best)
        self._forget_all_but(progress["best_epoch"])
        self._written_at = time.monotonic()
        self._cost = self._written_at - now

    def hold_best(self, model: nn.Module, epoch: int) -> None:
        """Keep the weights of the best epoch so far; they are written with the next state.

        Weights of a large network are written at once. Files of earlier epochs are kept until
        the next state, from which a stopped run would resume.
        """
        weights = model.state_dict()
        if _large(weights):
            self._write(weights, self._best_file(epoch))
            return
        self._best = {name: value.clone() for name, value in weights.items()}

    def load_best(self, model: nn.Module, epoch: int) -> None:
        """Load the weights of the best epoch.

        Raises:
            UserError: they are on disk and damaged or missing.
        """
        best, self._best = self._best, None
        if best is None:
            found = self._read(self._best_file(epoch))
            if found is None:
                raise UserError(
                    self._best_file(epoch),
                    found="damaged or removed while the training ran",
                    hint="run the command again: this training restarts",
                )
            best = found[0]
        model.load_state_dict(best)

    def keep(self, model: nn.Module, progress: dict[str, Any]) -> None:
        """Replace the state by the result of the training."""
        self._write(model.state_dict(), self._kept, progress=json.dumps(progress))
        self._state.unlink(missing_ok=True)
        self._forget_all_but(None)

    def load_kept(self, model: nn.Module) -> dict[str, Any] | None:
        """Restore the result of a training; return its progress, None if it has not ended."""
        found = self._read(self._kept)
        if found is None:
            return None
        model.load_state_dict(found[0])
        return json.loads(found[1]["progress"])

    def remove(self) -> None:
        """Delete the folder: the run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, tensors: dict[str, Tensor], path: Path, **header: str) -> None:
        write_tensors(tensors, path, {"training": self.training, "file": path.name, **header})

    def _read(self, path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
        """Read a file of this training; a damaged or unrelated file is removed."""
        if not path.exists():
            return None
        try:
            found = read_tensors(path)
        except (ValueError, OSError) as error:
            return self._remove(path, f"damaged ({error})")
        if (found[1].get("training"), found[1].get("file")) != (self.training, path.name):
            return self._remove(path, "of another training")
        return found

    def _remove(self, path: Path, why: str) -> None:
        note(path, f"{why}: removed; its epochs are repeated")
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    @property
    def _state(self) -> Path:
        return self.folder / "state.safetensors"

    @property
    def _kept(self) -> Path:
        return self.folder / "kept.safetensors"

    def _best_file(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch}.safetensors"

    def _forget_all_but(self, best_epoch: int | None) -> None:
        for path in self.folder.glob("best-*.safetensors"):
            if best_epoch is None or path != self._best_file(best_epoch):
                path.unlink(missing_ok=True)


def _large(weights: dict[str, Tensor]) -> bool:
    return sum(value.nbytes for value in weights.values()) > _LARGE


def _state_of(
    model: nn.Module, optimiser: torch.optim.Optimizer, average: nn.Module | None
) -> dict[str, Tensor]:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    return tensors


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}

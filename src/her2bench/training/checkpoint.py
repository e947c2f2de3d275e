"""What a run in progress keeps on disk, so that a killed one goes on as if never stopped.

`state.safetensors` holds the network, the optimiser and, in its header, the epochs so far;
`best-<epoch>.safetensors` the weights of the best epoch; `kept.safetensors` those that a training
came to, where others are to follow. No random state is kept, because each epoch seeds its own.
"""

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from her2bench.prediction.weights import write_tensors

_LARGE = 2**30  # bytes of weights that are not kept in memory twice
_BYTES_PER_SECOND = 4e8  # of a slow disk: what writing costs until it has been measured


@dataclass
class Checkpoint:
    """The files of one run in progress, in one folder.

    Attributes:
        folder: where they lie.
        share_of_time: of training that writing states may take.
    """

    folder: Path
    share_of_time: float = 0.02
    _written_at: float = field(default_factory=time.monotonic, init=False)
    _cost: float | None = field(default=None, init=False)
    _best: dict[str, Tensor] | None = field(default=None, init=False)

    @property
    def begun(self) -> bool:
        """Whether anything of the training is on disk."""
        return self._state.is_file() or self._kept.is_file()

    def load(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Any] | None:
        """Put back network and optimiser; return the progress noted, None at a fresh start."""
        if not self._state.is_file():
            return None
        tensors = load_file(self._state)
        model.load_state_dict(_under("model", tensors))
        state = optimiser.state_dict()
        kept: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimiser", tensors).items():
            index, _, key = name.partition(".")
            kept.setdefault(int(index), {})[key] = value
        optimiser.load_state_dict({**state, "state": kept})
        return _progress(self._state)

    def save(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, progress: dict[str, Any]
    ) -> None:
        """Write the state after an epoch, unless writing would take too much of the time.

        A state left out costs nothing but the epochs since the one before, trained again with
        the same result.
        """
        tensors = _state_of(model, optimiser)
        now = time.monotonic()
        cost = self._cost or sum(t.nbytes for t in tensors.values()) / _BYTES_PER_SECOND
        if now - self._written_at < cost / self.share_of_time:
            return
        if self._best is not None and not self._best_file(progress["best_epoch"]).is_file():
            write_tensors(self._best, self._best_file(progress["best_epoch"]), {})
        write_tensors(tensors, self._state, {"progress": json.dumps(progress)})
        self._forget_all_but(progress["best_epoch"])
        self._written_at = time.monotonic()
        self._cost = self._written_at - now

    def hold_best(self, model: nn.Module, epoch: int) -> None:
        """Keep the weights of an epoch that is the best so far; on disk with the next state.

        Those of a large network go to disk at once. Files of epochs before are left until then:
        a run that is stopped goes on from the state before.
        """
        weights = model.state_dict()
        if sum(value.nbytes for value in weights.values()) > _LARGE:
            write_tensors(weights, self._best_file(epoch), {})
            return
        self._best = {name: value.clone() for name, value in weights.items()}

    def load_best(self, model: nn.Module, epoch: int) -> None:
        """Put the weights of the best epoch into the network."""
        model.load_state_dict(self._best or load_file(self._best_file(epoch)))
        self._best = None

    def keep(self, model: nn.Module, progress: dict[str, Any]) -> None:
        """Write what a training came to, in place of its state."""
        write_tensors(model.state_dict(), self._kept, {"progress": json.dumps(progress)})
        self._state.unlink(missing_ok=True)
        self._forget_all_but(None)

    def load_kept(self, model: nn.Module) -> dict[str, Any] | None:
        """Put back what a training came to; return its progress, None where it has not ended."""
        if not self._kept.is_file():
            return None
        model.load_state_dict(load_file(self._kept))
        return _progress(self._kept)

    def remove(self) -> None:
        """Delete the folder: the run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

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


def _state_of(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    return tensors


def _progress(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["progress"])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}

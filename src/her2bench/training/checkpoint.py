"""What a run in progress keeps on disk, so that a killed one goes on as if never stopped.

`state.safetensors` holds the network, the optimiser and, in its header, the epochs so far;
`best-<epoch>.safetensors` the weights of the best epoch. No random state is kept, because each
epoch seeds its own.
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

_SHARE_OF_TIME = 0.1  # of training time that writing states may take


@dataclass
class Checkpoint:
    """The files of one run in progress, in one folder."""

    folder: Path
    _written_at: float = field(default=-float("inf"), init=False)
    _cost: float = field(default=0.0, init=False)

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
        with safe_open(self._state, framework="pt") as file:
            return json.loads(file.metadata()["progress"])

    def save(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        progress: dict[str, Any],
        last: bool,
    ) -> None:
        """Write the state after an epoch, unless writing would take too much of the time.

        A state left out costs nothing but the epochs since the one before, trained again with
        the same result; that of the last epoch is always written.
        """
        now = time.monotonic()
        if not last and now - self._written_at < self._cost / _SHARE_OF_TIME:
            return
        tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
        write_tensors(tensors, self._state, {"progress": json.dumps(progress)})
        self._forget_all_but(progress["best_epoch"])
        self._written_at = time.monotonic()
        self._cost = self._written_at - now

    def save_best(self, model: nn.Module, epoch: int) -> None:
        """Keep the weights of an epoch that is the best so far."""
        write_tensors(model.state_dict(), self._best(epoch), {})

    def load_best(self, model: nn.Module, epoch: int) -> None:
        """Put the weights of the best epoch into the network."""
        model.load_state_dict(load_file(self._best(epoch)))

    def remove(self) -> None:
        """Delete the folder: the run is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _state(self) -> Path:
        return self.folder / "state.safetensors"

    def _best(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch}.safetensors"

    def _forget_all_but(self, best_epoch: int) -> None:
        for path in self.folder.glob("best-*.safetensors"):
            if path != self._best(best_epoch):
                path.unlink(missing_ok=True)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}

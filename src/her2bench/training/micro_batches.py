"""A batch in several passes where a device has no room for it, with the same gradients."""

from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from her2bench.core.notes import note
from her2bench.models.ordinal import cumulative


@dataclass
class MicroBatches:
    """How many tiles a pass through the network has; fewer once there was no room for more.

    The gradients of a batch are the sums over its passes, each pass weighted by its tiles: the same
    to rounding as in one pass. Dropout draws other random numbers. A network with batch
    normalisation is never split: it normalises by the tiles of a pass, so it would be another one.

    Attributes:
        network: its name, for the note.
        size: tiles of a pass; 0: the whole batch.
    """

    network: str = ""
    size: int = 0

    def gradients(
        self, fabric: Fabric, model: nn.Module, optimiser: Any, loss: nn.Module, batch: Tensor,
        aims: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Set the gradients of the mean loss of a batch, in as many passes as it needs.

        Args:
            fabric: device and precision.
            model: set up by it; tiles (b, 3, h, w) to logits (b,).
            optimiser: set up with it.
            loss: of each tile, or of its cuts.
            batch: tiles (b, 3, h, w).
            aims: targets (b,), or those of the cuts (b, 3).

        Returns:
            The logits (b,) and the mean loss, without gradients.

        Raises:
            torch.OutOfMemoryError: no room for a single tile, or the network cannot be split.
        """
        while True:
            try:
                return _passes(fabric, model, optimiser, loss, batch, aims, self.size or len(batch))
            except torch.OutOfMemoryError:
                if not self._halve(model, len(batch)):
                    raise
            # Here, because what an exception holds is freed after its block.
            optimiser.zero_grad()
            if batch.device.type == "cuda":
                torch.cuda.empty_cache()

    def _halve(self, model: nn.Module, tiles: int) -> bool:
        before = min(self.size or tiles, tiles)
        if before <= 1 or needs_whole_batches(model):
            return False
        self.size = before // 2
        note(
            "recipe.batch",
            f"no room on the device for {before} tiles in training {self.network or 'a network'}: "
            f"from here {self.size} at a time, with the same result to rounding",
        )
        return True


def needs_whole_batches(model: nn.Module) -> bool:
    """Whether a network's result for a tile depends on the others of its batch."""
    return any(isinstance(layer, _BatchNorm) for layer in model.modules())


def _passes(
    fabric: Fabric, model: nn.Module, optimiser: Any, loss: nn.Module, batch: Tensor, aims: Tensor,
    size: int,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    optimiser.zero_grad()
    logits, total = [], torch.zeros((), device=batch.device)
    for tiles, wanted in zip(batch.split(size), aims.split(size), strict=True):
        output = model(tiles).view(len(tiles))
        value = loss(cumulative(model, output), wanted).mean() * (len(tiles) / len(batch))
        fabric.backward(value)
        total += value.detach()
        logits.append(output.detach())
    return torch.cat(logits), total

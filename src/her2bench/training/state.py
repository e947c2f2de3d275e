"""The state of a training: its tiles, its settings, its epochs so far and the weights it keeps."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from her2bench.core.ordinal import CUTS
from her2bench.models.ordinal import cumulative
from her2bench.prediction.compute import PLAIN, Compute
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.epochs import Epoch, kept_epoch, measures, refuse_divergence
from her2bench.training.listener import Listener
from her2bench.training.network_options import FULL, NetworkOptions
from her2bench.training.recipe import Recipe
from her2bench.training.weight_average import WeightAverage


@dataclass(frozen=True)
class Side:
    """The tiles of one split.

    `tiles` contains all tiles; `rows` (m,) are the indices of the split; `targets` (m,) are 0 or 1;
    `scores` (m,), 0 to 3, where the four scores are learned: `targets` then are those of 2+.
    """

    tiles: TileLoader
    rows: np.ndarray
    targets: np.ndarray
    scores: np.ndarray | None = None

    @property
    def classes(self) -> np.ndarray:
        """What each tile is: its score where scores are learned, else its target, (m,)."""
        return self.targets if self.scores is None else self.scores

    @property
    def aims(self) -> np.ndarray:
        """What is learned, 0 or 1, float32: the targets (m,), or of each cut (m, 3) if reached."""
        reached = self.targets if self.scores is None else self.scores[:, None] >= np.array(CUTS)
        return reached.astype(np.float32)


@dataclass(frozen=True)
class Fit:
    """Training summary: one row per epoch, and the epoch whose weights the model now has.

    `memory` and `device_memory` (bytes) are the peak usage, where measured; `micro_batch` is the
    number of tiles that a pass had where there was no room for a batch, else 0.
    """

    epochs: list[Epoch]
    epoch: int
    memory: int = 0
    device_memory: int = 0
    micro_batch: int = 0

    @property
    def validation_loss(self) -> float:
        return self.epochs[self.epoch]["val_loss"]


@dataclass(frozen=True)
class FitConfig:
    """The settings of a training besides tiles and initial network.

    `compute` affects speed, and results only by rounding.
    """

    recipe: Recipe
    learning_rate: float
    positive_weight: float
    prepare: Normalization
    seed: tuple[int, ...]
    compute: Compute = PLAIN
    network: str = ""
    options: NetworkOptions = FULL
    score_weights: tuple[float, ...] = ()


@dataclass
class TrainingState:
    """The state of a training.

    Attributes:
        model: its weights.
        plan: how it is trained.
        checkpoint: its files.
        listener: notified of each epoch, including those before a stop.
        epochs: rows so far.
        best_epoch: the epoch whose weights the recipe keeps.
        average: the moving average of the weights, which stands for them where there is one.
    """

    model: nn.Module
    plan: FitConfig
    checkpoint: Checkpoint
    listener: Listener
    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1
    average: WeightAverage | None = None

    @property
    def kept_model(self) -> nn.Module:
        """The network that is validated and kept."""
        return self.average.model if self.average else self.model

    @property
    def over(self) -> bool:
        """Whether validation has not improved for as many epochs as the recipe waits."""
        patience = self.plan.recipe.patience
        return patience is not None and len(self.epochs) - 1 - self.best_epoch >= patience

    def judge(self, row: Epoch, wrapped: nn.Module, validation: Side, loss: nn.Module) -> None:
        """Validate an epoch and keep the weights if it is the best so far."""
        row |= measures("val", forward_loss(wrapped, validation, loss, self.plan))
        refuse_divergence(row, self.plan.learning_rate)
        self.epochs.append(row)
        self.best_epoch = kept_epoch(self.epochs, self.plan.recipe)
        if self.best_epoch == row["epoch"] and self.plan.recipe.keep != "last":
            self.checkpoint.hold_best(self.kept_model, self.best_epoch)

    def ended(self) -> Fit:
        """Load the weights that the recipe keeps."""
        if self.plan.recipe.keep != "last":
            self.checkpoint.load_best(self.model, self.best_epoch)
        elif self.average:
            self.model.load_state_dict(self.average.model.state_dict())
        return Fit(self.epochs, self.best_epoch)


def forward_loss(
    model: nn.Module, side: Side, loss: nn.Module, plan: FitConfig
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean loss over some tiles in evaluation mode, their logits and their targets."""
    logits = forward(model, side.tiles, side.rows, plan.prepare, plan.compute)
    device = side.tiles.device
    said, aims = (torch.from_numpy(a.astype(np.float32)).to(device) for a in (logits, side.aims))
    with torch.inference_mode():
        value = loss(cumulative(model, said), aims).mean()
    return float(value), logits, side.targets

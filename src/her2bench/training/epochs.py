"""The row of metrics.csv for an epoch, and the choice of the kept epoch."""

import math

import numpy as np
from sklearn.metrics import roc_auc_score

from her2bench.core.errors import UserError
from her2bench.training.recipe import Recipe

Epoch = dict[str, float]  # one row of metrics.csv


def measures(split: str, found: tuple[float, np.ndarray, np.ndarray]) -> Epoch:
    """The columns of metrics.csv for one split: (loss, logits (n,), targets (n,))."""
    loss, logits, targets = found
    return {
        f"{split}_loss": loss,
        f"{split}_accuracy": float(np.mean((logits > 0) == targets)),
        f"{split}_roc_auc": _roc_auc(targets, logits),
    }


def _roc_auc(targets: np.ndarray, logits: np.ndarray) -> float:
    return float(roc_auc_score(targets, logits)) if np.isfinite(logits).all() else float("nan")


class DivergenceError(UserError):
    """A training whose loss is not finite."""


def refuse_divergence(row: Epoch, learning_rate: float) -> None:
    """Raise a DivergenceError if a value of an epoch is not finite."""
    if not all(math.isfinite(value) for value in row.values()):
        raise DivergenceError(
            "recipe.learning_rates",
            found=f"training diverged: the loss is not finite in epoch "
            f"{row['epoch'] + 1:.0f} with learning rate {learning_rate:g}",
            hint="leave this learning rate out, or lower it",
        )


def kept_epoch(epochs: list[Epoch], recipe: Recipe) -> int:
    """The epoch whose weights the recipe keeps, of those so far."""
    if recipe.keep == "last":
        return len(epochs) - 1
    return int(np.argmin([row["val_loss"] for row in epochs]))

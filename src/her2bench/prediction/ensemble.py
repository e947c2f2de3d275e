"""Ensemble of all finished runs of a model: mean logit, mean threshold, mean map."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from her2bench.core.runs import ComparisonFolder, RunFolder
from her2bench.prediction.forward import forward, probabilities
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.gradcam import gradcam, normalised
from her2bench.prediction.tile_loader import TileLoader
from her2bench.prediction.trained_networks import ModelMetadata, load_trained

KEPT_BYTES = 4_000_000_000  # networks beyond this are read again for every batch


@dataclass(frozen=True)
class Member:
    """A finished run of a network; slope and intercept scale its logit, where fitted."""

    run: RunFolder
    seed: int
    fold: int
    slope: float | None = None
    intercept: float | None = None


@dataclass(frozen=True)
class Ensemble:
    """A model's finished runs."""

    model: str
    members: tuple[Member, ...]

    @property
    def scaling(self) -> tuple[float, float] | None:
        """Slope and intercept of the mean logit, averaged over the runs; None if any lacks it."""
        pairs = [(m.slope, m.intercept) for m in self.members]
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        if len(known) < len(pairs):
            return None
        slope, intercept = np.mean(known, axis=0).tolist()
        return slope, intercept


@dataclass(frozen=True)
class EnsemblePrediction:
    """Predictions of an ensemble for n tiles.

    Attributes:
        logits: (n,) float64, mean over runs.
        threshold: mean of the runs' frozen thresholds, on the logit; above it is positive.
        probabilities: (n,) float64, of the mean logit, calibrated where `calibrated`.
        cut: the threshold on the scale of `probabilities`.
        maps: (n, h, w) float32, 0 to 1, the mean of the runs' normalised Grad-CAM maps,
            normalised again.
        scores: `p0` to `p3`, each (n,), of networks of the four scores, not calibrated; empty for
            others.
    """

    logits: np.ndarray
    threshold: float
    probabilities: np.ndarray
    cut: float
    calibrated: bool
    maps: np.ndarray
    scores: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def positive(self) -> np.ndarray:
        """(n,) bool, predicted positive."""
        return self.logits > self.threshold


class Networks:
    """Trained networks, kept in memory up to a limit."""

    def __init__(self, device: torch.device, keep_bytes: float = KEPT_BYTES) -> None:
        self.device, self._free_bytes = device, keep_bytes
        self._kept: dict[RunFolder, tuple[nn.Module, ModelMetadata]] = {}

    def read(self, run: RunFolder) -> tuple[nn.Module, ModelMetadata]:
        """The network of a run and its description."""
        if run in self._kept:
            return self._kept[run]
        loaded = load_trained(run, self.device)
        size = sum(p.numel() * p.element_size() for p in loaded[0].parameters())
        if size <= self._free_bytes:
            self._free_bytes -= size
            self._kept[run] = loaded
        return loaded


def ensembles(
    folder: ComparisonFolder, scalings: dict[tuple[str, int, int], tuple[float, float]]
) -> list[Ensemble]:
    """The networks of a comparison with a finished run, by name; baselines have no weights.

    Args:
        folder: the comparison.
        scalings: slope and intercept by model, seed and fold, where known.
    """
    members: dict[str, list[Member]] = {}
    for model, seed, fold, run in folder.finished_runs():
        if run.weights.is_file():
            scaling = scalings.get((model, seed, fold), (None, None))
            members.setdefault(model, []).append(Member(run, seed, fold, *scaling))
    return [Ensemble(model, tuple(runs)) for model, runs in members.items()]


def ensemble_logits(ensemble: Ensemble, tiles: np.ndarray, networks: Networks) -> np.ndarray:
    """(n,) float64, the logits of tiles (n, size, size, 3), averaged over the runs."""
    logits = []
    for member in ensemble.members:
        model, description = networks.read(member.run)
        rows, feed = np.arange(len(tiles)), TileLoader(tiles, networks.device)
        logits.append(forward(model, feed, rows, description.preparation))
    return np.mean(logits, axis=0)


def ensemble_prediction(
    ensemble: Ensemble, tiles: np.ndarray, networks: Networks
) -> EnsemblePrediction:
    """Predictions and Grad-CAM maps of an ensemble for some tiles.

    Args:
        ensemble: at least one run.
        tiles: (n, size, size, 3) uint8, at the size the model was trained at.
        networks: cache of trained networks.
    """
    thresholds, maps, models = [], [], []
    for member in ensemble.members:
        model, description = networks.read(member.run)
        models.append(model)
        prepare, device = description.preparation, networks.device
        maps.append(normalised(gradcam(model, tiles, prepare, device)))
        thresholds.append(description.threshold)
    slope, intercept = ensemble.scaling or (1.0, 0.0)
    mean, threshold = ensemble_logits(ensemble, tiles, networks), float(np.mean(thresholds))
    return EnsemblePrediction(
        logits=mean,
        threshold=threshold,
        probabilities=probabilities(slope * mean + intercept),
        cut=float(_probability(slope * threshold + intercept)),
        calibrated=ensemble.scaling is not None,
        maps=normalised(np.mean(maps, axis=0)),
        scores=score_columns(models, mean),
    )


def ensemble_maps(ensemble: Ensemble, tiles: np.ndarray, networks: Networks) -> np.ndarray:
    """The maps of `ensemble_prediction` alone, (n, h, w) float32, 0 to 1."""
    maps = []
    for member in ensemble.members:
        model, description = networks.read(member.run)
        maps.append(normalised(gradcam(model, tiles, description.preparation, networks.device)))
    return normalised(np.mean(maps, axis=0))


def agreement(opinions: Sequence[EnsemblePrediction]) -> np.ndarray:
    """(n,) bool: whether all models predict the same class."""
    calls = np.stack([o.positive for o in opinions])
    return (calls == calls[0]).all(axis=0)


def _probability(logit: float) -> float:
    return float(probabilities(np.array([logit]))[0])

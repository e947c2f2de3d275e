"""What `predict` predicts with: a finished run, or all finished runs of a model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn

from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import ComparisonFolder
from her2bench.prediction.domain_shift import Training, training_of
from her2bench.prediction.ensemble import Ensemble, Networks, ensemble_logits
from her2bench.prediction.forward import probabilities
from her2bench.prediction.slide_rule import SlideRule, slide_rule
from her2bench.prediction.sources import ensemble_at, placed_run
from her2bench.prediction.trained_networks import ModelMetadata
from her2bench.prediction.training_scale import TrainingScale, scale_in


@dataclass(frozen=True)
class Predictor:
    """Trained networks whose logits are averaged, with threshold, calibration and training tiles.

    Attributes:
        ensemble: one run, or all finished runs of a model.
        networks: on a device.
        comparison: that the runs belong to, where it is there.
    """

    ensemble: Ensemble
    networks: Networks
    comparison: ComparisonFolder | None

    @cached_property
    def descriptions(self) -> list[ModelMetadata]:
        """Of each run."""
        return [self.networks.read(member.run)[1] for member in self.ensemble.members]

    @property
    def models(self) -> list[nn.Module]:
        """The network of each run."""
        return [self.networks.read(member.run)[0] for member in self.ensemble.members]

    @property
    def description(self) -> ModelMetadata:
        """What all runs have in common: size, squares, endpoint, decoding."""
        return self.descriptions[0]

    @property
    def threshold(self) -> float:
        """The mean of the runs' frozen thresholds, on the logit; above it is positive."""
        return float(np.mean([each.threshold for each in self.descriptions]))

    @property
    def cut(self) -> float:
        """The threshold on the scale of the probability that is not calibrated."""
        return float(probabilities(np.array([self.threshold]))[0])

    @cached_property
    def scale(self) -> TrainingScale | None:
        """How large the training tiles were: as the run says, else by its comparison's manifest."""
        if self.description.scale is not None or self.comparison is None:
            return self.description.scale
        return scale_in(self.comparison, self.description.square)

    @cached_property
    def training(self) -> Training | str:
        """The range of the training tiles' features, or why it is not known."""
        if self.comparison is None:
            return "the run does not lie in a comparison folder"
        return training_of(self.comparison, self.description.size, self.description.square)

    @cached_property
    def slide_rule(self) -> SlideRule | str:
        """How the comparison makes one call of a slide's tiles, or why that is not known."""
        return slide_rule(self.comparison, self.ensemble)

    def logits(self, tiles: np.ndarray) -> np.ndarray:
        """(n,) float64, the mean logit of tiles (n, size, size, 3) uint8."""
        return ensemble_logits(self.ensemble, tiles, self.networks)

    def calibrated(self, logits: np.ndarray) -> np.ndarray | None:
        """Probabilities after the scaling fitted on validation tiles; None where there is none."""
        if self.ensemble.scaling is None:
            return None
        slope, intercept = self.ensemble.scaling
        return probabilities(slope * logits + intercept)


def opened_predictor(path: Path, device: torch.device, network: str | None = None) -> Predictor:
    """The networks of a run folder, of a comparison folder, or of an exported file.

    Args:
        path: `OUT/runs/<model>/seed-<s>/fold-<k>`, `OUT` for all finished runs of a model, or an
            ONNX file of `her2bench export`.
        device: of the networks.
        network: which model of a comparison, where it has several.

    Raises:
        UserError: there is no finished run of a network, or it is damaged; or several models are
            there and none is chosen.
    """
    ensemble, folder = ensemble_at(path, network), ComparisonFolder(path)
    if not folder.config.is_file():
        placed = placed_run(RunFolder(path))
        folder = placed.comparison if placed else None
    predictor = Predictor(ensemble, Networks(device), folder)
    _ = predictor.descriptions  # read now: what is unfinished or damaged is refused
    return predictor

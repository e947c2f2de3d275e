"""Trained networks for use from Python: images in, predictions and Grad-CAM maps out."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from torch import nn

from her2bench.core.errors import UserError
from her2bench.prediction.device import ready_cpu
from her2bench.prediction.ensemble import ensemble_maps
from her2bench.prediction.forward import probabilities
from her2bench.prediction.four_scores import score_columns
from her2bench.prediction.given_tiles import Images, given_tiles
from her2bench.prediction.gradcam import enlarged
from her2bench.prediction.predict_files import check_finite
from her2bench.prediction.predictor import Predictor


@dataclass(frozen=True)
class TilePredictions:
    """Predictions for n tiles, in their order.

    Attributes:
        names: paths as given; the number of an array or a PIL image.
        logits: (n,) float64; of several runs their mean.
        probabilities: (n,) float64, of positive: the logistic function of `logits`.
        calibrated: (n,) float64, probabilities scaled as fitted on validation tiles; None where no
            scaling is known.
        scores: `p0` to `p3`, each (n,), of a network of the four scores; empty for others.
        threshold: the frozen threshold on the scale of `probabilities`; above it is positive.
        positive: (n,) bool, predicted positive.
    """

    names: tuple[str, ...]
    logits: np.ndarray
    probabilities: np.ndarray
    calibrated: np.ndarray | None
    scores: dict[str, np.ndarray]
    threshold: float
    positive: np.ndarray

    def to_polars(self) -> pl.DataFrame:
        """One row per tile: `name, logit, probability, call`, `p0` to `p3`, `calibrated`."""
        columns = {
            "name": pl.Series(self.names, dtype=pl.String),
            "logit": self.logits,
            "probability": self.probabilities,
            "call": np.where(self.positive, "positive", "negative"),
        }
        columns |= self.scores
        columns |= {} if self.calibrated is None else {"calibrated": self.calibrated}
        return pl.DataFrame(columns)

    def __len__(self) -> int:
        return len(self.names)


class TrainedModel:
    """A trained network: one run, the runs of a comparison as an ensemble, or an exported file.

    Attributes:
        name: of the model.
        size: side in pixels to which tiles are resized.
        endpoint: what positive means.
        runs: number of runs behind a prediction.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, description = predictor, predictor.description
        self.name, self.runs = predictor.ensemble.model, len(predictor.ensemble.members)
        self.size, self.endpoint = description.size, description.endpoint

    @property
    def networks(self) -> list[nn.Module]:
        """The network of each run: normalised tiles (b, 3, size, size) to logits (b,)."""
        return self._predictor.models

    def predict(self, images: Images) -> TilePredictions:
        """Probability and class of each tile, by the forward loop of `her2bench predict`.

        Args:
            images: tiles of any size, resized as in training: an array (n, h, w, 3) uint8, or
                arrays (h, w, 3) uint8, PIL images and paths.

        Raises:
            UserError: an image cannot be read or is no tile, or a logit is not finite.
        """
        ready_cpu()
        names, tiles = given_tiles(images, self._predictor.description)
        logits = self._predictor.logits(tiles)
        check_finite(self._predictor, names, logits)
        return TilePredictions(
            names=names,
            logits=logits,
            probabilities=probabilities(logits),
            calibrated=self._predictor.calibrated(logits),
            scores=score_columns(self.networks, logits),
            threshold=self._predictor.cut,
            positive=logits > self._predictor.threshold,
        )

    def explain(self, images: Images) -> np.ndarray:
        """The Grad-CAM map of each tile: which regions raise the logit of positive.

        Args:
            images: as for `predict`.

        Returns:
            (n, size, size) float32, 0 to 1, each map scaled to its maximum; zeros where nothing
            raises the logit. A map is as coarse as the last convolution, drawn without steps.

        Raises:
            UserError: as for `predict`; or the model is an exported file, which has no layers.
        """
        path = self._predictor.ensemble.members[0].run.path
        if path.is_file():
            raise UserError(
                path,
                found="an exported network, whose layers cannot be explained",
                expected="a run folder or a comparison",
                hint="load the run that it was exported from",
            )
        _, tiles = given_tiles(images, self._predictor.description)
        maps = ensemble_maps(self._predictor.ensemble, tiles, self._predictor.networks)
        return enlarged(maps, self.size, self.size)

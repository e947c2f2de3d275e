"""The learning rates of a recipe tried in turn, and the best of them kept."""

from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.comparison.config import ComparisonConfig, trained_by
from her2bench.comparison.folds import Fold
from her2bench.comparison.plan import Job
from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.data.tile_cache.content_hash import content_key
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.pretrained import checksum_of, pretrained_model
from her2bench.models.proportional_odds import frequency_thresholds
from her2bench.models.registry import build_model, network
from her2bench.prediction.compute import Compute
from her2bench.prediction.normalization import Normalization
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import Listener
from her2bench.training.loop import fit
from her2bench.training.micro_batches import needs_whole_batches
from her2bench.training.recipe import Recipe, positive_weight, score_weights
from her2bench.training.state import Fit, FitConfig, TrainingState
from her2bench.training.tuning_settings import Values, tuned_recipe


@dataclass(frozen=True)
class LearningRateSearch:
    """The trainings of one job, one per learning rate."""

    job: Job
    config: ComparisonConfig
    fold: Fold
    run: RunFolder
    compute: Compute
    tuned: Values = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """How the job's network is trained, with the tuned values."""
        return tuned_recipe(self.config.recipe_for(self.job.model), self.tuned)

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates that are tried."""
        return self.recipe.rates_for(self.job.model)

    @property
    def prepare(self) -> Normalization:
        """The normalisation that the network expects, or as the recipe says."""
        return normalization_for(self.job.model, self.config, self.fold)

    def best(self, listener: Listener) -> tuple[list[Fit], Fit, nn.Module]:
        """All fits, the one with the least validation loss, and its network."""
        *others, last = self.rates
        fits = [self.fit(rate, listener)[0] for rate in others]
        fitted, model = self.fit(last, listener)
        fits.append(fitted)
        best = int(np.argmin([each.validation_loss for each in fits]))
        if best < len(others):
            del model  # only one network in memory: that of the best rate is loaded again
            _, model = self.fit(others[best], Listener())
        return fits, fits[best], model

    def course(self, rate: float, listener: Listener) -> TrainingState:
        """The training at a learning rate, before its first epoch."""
        model = self._fresh_model().to(self.fold.tiles.device)
        return TrainingState(model, self._plan(rate), self.checkpoint(rate), listener)

    def checkpoint(self, rate: float) -> Checkpoint:
        """Where the training at a learning rate is kept."""
        given = self.config.model_dump(mode="json", exclude_none=True)
        settings = trained_by(given, [self.job.model])
        training = [settings, astuple(self.job), rate, self.fold.content]
        training += [self.tuned] if self.tuned else []
        weights = self.config.options(self.job.model).pretrained
        if isinstance(weights, Path):
            training.append(checksum_of(weights))
        return Checkpoint(self.run.unfinished / f"learning-rate-{rate!r}", content_key(training))

    @property
    def fabric(self) -> Fabric:
        """Device and precision."""
        device = self.fold.tiles.device
        return Fabric(accelerator=device.type, devices=1, precision=self.config.precision)

    def fit(self, rate: float, listener: Listener) -> tuple[Fit, nn.Module]:
        """The training at one learning rate, and its network."""
        course = self.course(rate, listener)
        ended = course.checkpoint.load_kept(course.model)
        if ended:
            for row in ended["epochs"]:
                listener.epoch(row)
            known = [each.name for each in fields(Fit)]
            return Fit(**{name: ended[name] for name in known if name in ended}), course.model
        sides = self.fold.side("train"), self.fold.side("val")
        setup = self.fabric, course.model, *sides
        try:
            fitted = fit(*setup, course.plan, course.checkpoint, listener)
        except torch.OutOfMemoryError as error:
            raise self._no_room(error, needs_whole_batches(course.model)) from error
        if len(self.rates) > 1:
            course.checkpoint.keep(course.model, asdict(fitted))
        return fitted, course.model

    def _no_room(self, error: Exception, whole: bool) -> UserError:
        reason = ", and batch normalisation needs whole batches" if whole else ""
        tuned = "batch" in self.tuned
        return UserError(
            "tuning.space.batch" if tuned else "recipe.batch",
            found=f"no room on the device for {self.recipe.batch} tiles of "
            f"{self.config.size} px in training {self.job.model} "
            f"({str(error).partition('.')[0]}){reason}",
            hint="lower it or size, and give -o another folder: it is another comparison",
        )

    def _fresh_model(self) -> nn.Module:
        return with_thresholds(fresh_model(self.job, self.config), self.recipe, self.fold)

    def _plan(self, rate: float) -> FitConfig:
        weight = weight_of_positives(self.recipe, self.fold)
        seed = (self.job.seed, self.job.fold)
        return FitConfig(
            *(self.recipe, rate, weight, self.prepare, seed, self.compute),
            network=self.job.model,
            options=self.config.options(self.job.model),
            score_weights=weights_of_scores(self.recipe, self.fold),
        )


def fresh_model(job: Job, config: ComparisonConfig) -> nn.Module:
    """The network of a job before training: initial weights by its seed, or pretrained ones.

    Raises:
        UserError: the pretrained weights cannot be read or are of another network.
    """
    seed = np.random.SeedSequence((job.seed, job.fold)).generate_state(1)
    torch.manual_seed(int(seed[0]))
    pretrained = config.options(job.model).pretrained
    if pretrained:
        return pretrained_model(job.model, config.size, pretrained)
    return build_model(job.model, config.size)


def with_thresholds(model: nn.Module, recipe: Recipe, fold: Fold) -> nn.Module:
    """The network with the thresholds of the four scores, where these are learned.

    They start where they give every tile the frequencies of the training tiles, weighted as in the
    loss.
    """
    scores = fold.side("train").scores
    if scores is None:
        return model
    weights = np.array(weights_of_scores(recipe, fold))
    return OrdinalNetwork(model, frequency_thresholds(scores, weights).tolist())


def normalization_for(model: str, config: ComparisonConfig, fold: Fold) -> Normalization:
    """The normalisation that a network expects, or as the recipe says."""
    expected = network(model).expects
    if expected:
        return Normalization(*expected)
    return fold.normalization if config.recipe_for(model).normalise else Normalization()


def weights_of_scores(recipe: Recipe, fold: Fold) -> tuple[float, ...]:
    """The weight of the tiles of each score in the loss; empty where targets are learned."""
    scores = fold.side("train").scores
    return () if scores is None else (*score_weights(recipe.pos_weight, scores).tolist(),)


def weight_of_positives(recipe: Recipe, fold: Fold) -> float:
    """The weight of a positive tile in the loss; 1 where scores are learned."""
    if fold.ordinal:
        return 1.0
    # The study took total/positives over its whole data set, before it split off validation.
    splits = ("train", "val") if recipe.pos_weight == "total/positives" else ("train",)
    targets = np.concatenate([fold.side(split).targets for split in splits])
    positives = int(targets.sum())
    return positive_weight(recipe.pos_weight, positives, len(targets) - positives)

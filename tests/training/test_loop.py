"""Training: a stopped run goes on with the same result, and its numbers mean what they say."""

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from her2bench.core.errors import UserError
from her2bench.models.ordinal import OrdinalNetwork, cut_logits
from her2bench.models.registry import build_model
from her2bench.prediction.forward import forward
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.tile_loader import TileLoader
from her2bench.training.checkpoint import Checkpoint
from her2bench.training.listener import SILENT, Listener
from her2bench.training.loop import batch_ends, fit
from her2bench.training.recipe import Recipe
from her2bench.training.state import FitConfig, Side

SIZE = 64
BCE = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(1.5))


class Stopped(Exception):
    pass


class SmallNetwork(nn.Sequential):
    """Quick to write to disk; with dropout, whose random state must come back too."""

    def __init__(self):
        pooled = nn.Sequential(nn.Conv2d(3, 8, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(4))
        super().__init__(pooled, nn.Flatten(), nn.Dropout(0.5), nn.Linear(128, 1), nn.Flatten(0))


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)
    targets = np.arange(40) % 2
    pixels = rng.integers(0, 200, (40, SIZE, SIZE, 3), dtype=np.uint8)
    pixels[targets == 1, :, :, 0] += 50
    tiles = TileLoader(pixels, torch.device("cpu"))
    return Side(tiles, np.arange(30), targets[:30]), Side(tiles, np.arange(30, 40), targets[30:])


def train(sides, folder, recipe, stop_after=None):
    rows = []

    def on_epoch(row):
        rows.append(row)
        if stop_after is not None and len(rows) == stop_after:
            raise Stopped

    torch.manual_seed(0)
    model = SmallNetwork()
    fitted = fit(
        fabric=Fabric(accelerator="cpu", devices=1),
        model=model,
        train=sides[0],
        validation=sides[1],
        plan=FitConfig(recipe, 1e-4, 1.5, Normalization(), seed=(0, 0)),
        checkpoint=Checkpoint(folder, share_of_time=1e9),  # after every epoch
        listener=Listener(on_epoch),
    )
    logits = forward(model, sides[1].tiles, sides[1].rows, Normalization())
    return fitted, logits


MODERN = {"optimiser": "adamw", "schedule": "cosine", "warmup": 1, "average": 0.9, "clip": 1.0}


@pytest.mark.parametrize("more", [{}, MODERN], ids=["plain", "modern"])
@pytest.mark.parametrize("keep", ["last", "best-validation-loss", "large"])
def test_a_stopped_run_goes_on_with_the_same_result(sides, tmp_path, keep, more, monkeypatch):
    if keep == "large":
        monkeypatch.setattr("her2bench.training.checkpoint._LARGE", 0)
        keep = "best-validation-loss"
    recipe = Recipe(epochs=4, batch=8, augment=("flip", "rotate"), keep=keep, **more)
    whole, expected = train(sides, tmp_path / "whole", recipe)
    for stop_after in (1, 3):
        with pytest.raises(Stopped):
            train(sides, tmp_path / f"{stop_after}", recipe, stop_after)
        resumed, logits = train(sides, tmp_path / f"{stop_after}", recipe)
        assert np.array_equal(logits, expected)
        assert resumed.epoch == whole.epoch
        losses = [[row["train_loss"] for row in f.epochs] for f in (whole, resumed)]
        assert losses[0] == losses[1]


@pytest.mark.parametrize("file", ["state", "best"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "another's"])
def test_a_damaged_checkpoint_is_trained_again(file, damage, sides, tmp_path, caplog):
    recipe = Recipe(epochs=2, batch=8)
    _, expected = train(sides, tmp_path / "whole", recipe)
    with pytest.raises(Stopped):
        train(sides, tmp_path / "stopped", recipe, stop_after=1)
    (path,) = (tmp_path / "stopped").glob(f"{file}*.safetensors")
    content = bytearray(path.read_bytes())
    if damage == "another's":
        path.unlink()
        Checkpoint(tmp_path / "stopped", "another")._write({"a": torch.zeros(1)}, path)
    else:
        content[-9] ^= 1
        path.write_bytes({"flipped": content, "cut": content[:-9], "empty": b""}[damage])
    _, logits = train(sides, tmp_path / "stopped", recipe)
    assert np.array_equal(logits, expected)
    assert path.name in caplog.text and "its epochs are repeated" in caplog.text


@pytest.mark.parametrize("large", [False, True])
def test_the_best_epoch_is_the_one_kept(sides, tmp_path, monkeypatch, large):
    if large:  # its best weights lie on disk, not in memory a second time
        monkeypatch.setattr("her2bench.training.checkpoint._LARGE", 0)
    fitted, logits = train(sides, tmp_path, Recipe(epochs=3, batch=8))
    losses = [row["val_loss"] for row in fitted.epochs]
    assert any(tmp_path.glob("best-*")) >= large
    assert fitted.epoch == int(np.argmin(losses))
    targets = sides[1].targets
    loss = np.mean(np.where(targets, 1.5 * np.logaddexp(0, -logits), np.logaddexp(0, logits)))
    assert loss == pytest.approx(losses[fitted.epoch], rel=1e-5)


def test_the_loss_is_the_mean_over_tiles_whatever_the_last_batch(sides, tmp_path):
    """30 tiles in batches of 8 leave 6; with no step taken the loss must not depend on that."""
    losses = []
    for batch in (8, 30):
        recipe = Recipe(epochs=1, batch=batch)
        torch.manual_seed(0)
        model = build_model("lenet", SIZE)
        for parameter in model.parameters():
            parameter.requires_grad_(parameter is model.classifier[-1].bias)
        fitted = fit(
            fabric=Fabric(accelerator="cpu", devices=1),
            model=model,
            train=sides[0],
            validation=sides[1],
            plan=FitConfig(recipe, 1e-12, 1.5, Normalization(), seed=(0, 0)),
            checkpoint=Checkpoint(tmp_path / str(batch)),
            listener=SILENT,
        )
        losses.append(fitted.epochs[0]["train_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_best_weights_damaged_on_disk_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("her2bench.training.checkpoint._LARGE", 0)
    model, checkpoint = torch.nn.Linear(2, 1), Checkpoint(tmp_path)
    checkpoint.hold_best(model, 3)
    (path,) = tmp_path.glob("best-*")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"best-3.*damaged"):
        checkpoint.load_best(model, 3)


def test_training_ends_when_validation_no_longer_improves(sides, tmp_path, monkeypatch):
    losses = iter([0.5, 0.4, 0.45, 0.41, 0.3])
    monkeypatch.setattr("her2bench.training.state.measures", lambda *_: {"val_loss": next(losses)})
    fitted, _ = train(sides, tmp_path, Recipe(epochs=5, batch=8, patience=2))
    assert (len(fitted.epochs), fitted.epoch) == (4, 1)


@pytest.mark.parametrize("keep", ["last", "best-validation-loss"])
def test_the_average_is_what_is_validated_and_kept(sides, tmp_path, keep):
    recipe = Recipe(epochs=3, batch=8, keep=keep, average=0.5)
    fitted, logits = train(sides, tmp_path / "average", recipe)
    loss = BCE(torch.from_numpy(logits), torch.from_numpy(sides[1].targets).double())
    assert float(loss) == pytest.approx(fitted.validation_loss, rel=1e-5)
    plain, _ = train(sides, tmp_path / "plain", recipe.model_copy(update={"average": 0.0}))
    assert plain.epochs[0]["train_loss"] == fitted.epochs[0]["train_loss"]  # the same steps
    assert plain.validation_loss != fitted.validation_loss


def test_a_last_tile_alone_joins_the_batch_before_it_where_batches_are_normalised():
    normalised = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))
    assert batch_ends(17, 8, normalised) == [8]
    assert batch_ends(17, 8, SmallNetwork()) == [8, 16]
    assert batch_ends(18, 8, normalised) == [8, 16]


@pytest.fixture(scope="module")
def scored(sides):
    """The same tiles with scores: darker ones lower."""
    train, validation = sides
    scores = np.random.default_rng(1).integers(0, 2, 40) + 2 * (np.arange(40) % 2)
    return (
        Side(train.tiles, train.rows, train.targets, scores[:30]),
        Side(validation.tiles, validation.rows, validation.targets, scores[30:]),
    )


def train_scores(sides, folder, stop_after=None, **more):
    torch.manual_seed(0)
    model = OrdinalNetwork(SmallNetwork())
    rows = []

    def on_epoch(row):
        rows.append(row)
        if len(rows) == stop_after:
            raise Stopped

    weights = (1.0, 2.0, 0.5, 1.0)
    recipe = Recipe(epochs=3, batch=8, pos_weight="inverse-frequency", **more)
    plan = FitConfig(recipe, 1e-3, 1.0, Normalization(), seed=(0, 0), score_weights=weights)
    checkpoint = Checkpoint(folder, share_of_time=1e9)
    fabric = Fabric(accelerator="cpu", devices=1)
    return fit(fabric, model, *sides, plan, checkpoint, Listener(on_epoch)), model


@pytest.mark.parametrize("more", [{}, MODERN | {"label_smoothing": 0.1}], ids=["plain", "modern"])
def test_scores_are_learned_and_a_stopped_run_goes_on_with_the_same_result(scored, tmp_path, more):
    whole, expected = train_scores(scored, tmp_path / "whole", **more)
    with pytest.raises(Stopped):
        train_scores(scored, tmp_path / "stopped", stop_after=1, **more)
    resumed, model = train_scores(scored, tmp_path / "stopped", **more)
    assert [r["val_loss"] for r in resumed.epochs] == [r["val_loss"] for r in whole.epochs]
    for name, value in expected.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    start = OrdinalNetwork(SmallNetwork())
    assert not torch.equal(expected.gaps, start.gaps)
    assert not torch.equal(expected.middle, start.middle)


def test_the_validation_loss_of_scores_is_the_weighted_sum_over_cuts(scored, tmp_path):
    fitted, model = train_scores(scored, tmp_path)
    side = scored[1]
    cuts = cut_logits(model, forward(model, side.tiles, side.rows, Normalization()))
    reached = side.scores[:, None] >= np.array([1, 2, 3])
    losses = np.logaddexp(0, np.where(reached, -cuts, cuts)).sum(1)
    loss = np.mean(np.array([1.0, 2.0, 0.5, 1.0])[side.scores] * losses)
    assert loss == pytest.approx(fitted.validation_loss, rel=1e-5)
    assert fitted.epochs[fitted.epoch]["val_accuracy"] == np.mean((cuts[:, 1] > 0) == side.targets)


def test_thresholds_that_are_no_number_stop_the_training(scored, tmp_path):
    model = OrdinalNetwork(SmallNetwork())
    nn.init.constant_(model.gaps, torch.nan)
    recipe = Recipe(epochs=1, batch=8)
    plan = FitConfig(recipe, 1e-3, 1.0, Normalization(), (0, 0), score_weights=(1.0,) * 4)
    fabric = Fabric(accelerator="cpu", devices=1)
    with pytest.raises(UserError, match="training diverged"):
        fit(fabric, model, *scored, plan, Checkpoint(tmp_path), SILENT)

"""Check a user's network on two tiles before training."""

from pathlib import Path

import torch
from torch import Tensor, nn

from her2bench.core.errors import UserError
from her2bench.models.pretrained import pretrained_model
from her2bench.models.registry import FAULTS, check_size, network

_TILES = 2


def check_network(name: str, size: int, pretrained: bool | Path = False) -> None:
    """Refuse a network that cannot be built or does not give one finite logit per tile.

    For built-in networks the tile size is checked, and pretrained weights for all.

    Raises:
        UserError: the network cannot be compared.
    """
    check_size(name, size)
    if pretrained:
        pretrained_model(name, size, pretrained)
    known = network(name)
    if known.ours:
        return
    try:
        model = known.fresh(size)
        weights = [*model.parameters()] if isinstance(model, nn.Module) else []
        with torch.inference_mode():
            logits = model.eval()(torch.rand(_TILES, 3, size, size)) if weights else None
    except FAULTS as error:
        problem = f"it fails on tiles of {size} px ({type(error).__name__}: {error})"
        raise _refused(name, problem) from error
    if not weights:
        raise _refused(name, "it is not a torch module with weights to train")
    if not isinstance(logits, Tensor):
        raise _refused(name, f"it returns a {type(logits).__name__}")
    if logits.shape not in ((_TILES,), (_TILES, 1)):
        raise _refused(name, f"it returns the shape {tuple(logits.shape)} for {_TILES} tiles")
    if not logits.isfinite().all():
        raise _refused(name, "it returns NaN or infinity for tiles with values from 0 to 1")


def _refused(name: str, problem: str) -> UserError:
    source = network(name).source
    return UserError(
        f"models, {source or name}",
        found=problem,
        expected="a module that takes (b, 3, size, size) and gives one logit per tile, (b,)",
        hint="correct the class; a head such as nn.Linear(features, 1) gives one logit, also for "
        'endpoint = "score", whose thresholds are added to it',
    )

"""The optimiser of a recipe, and its learning rate at each step."""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from her2bench.models.head import head_of
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.training.network_options import NetworkOptions
from her2bench.training.recipe import Recipe

MOMENTUM = 0.9


def optimiser_for(
    model: nn.Module, name: str, recipe: Recipe, options: NetworkOptions, rate: float
) -> torch.optim.Optimizer:
    """The recipe's optimiser on a network's weights, fused where the device supports it.

    Weights decay towards 0; biases and the scales of normalisation layers do not. Each group of
    weights has `share`, its part of the learning rate.

    Args:
        model: on its device.
        name: of the network, for messages.
        recipe: optimiser and weight decay.
        options: the shares of the learning rate.
        rate: the learning rate of the head.
    """
    groups = _groups(model, name, recipe, options)
    for group in groups:
        group["lr"] = rate * group["share"]
    device = next(model.parameters()).device.type
    fused = device in ("cpu", "cuda")
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, fused=fused)
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate, weight_decay=0.0, fused=fused)


def adam(model: nn.Module, learning_rate: float, device: torch.device) -> torch.optim.Adam:
    """The study's optimiser, fused where the device supports it."""
    fused = device.type in ("cpu", "cuda")
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=fused)


def set_rate(optimiser: Any, rate: float, recipe: Recipe, step: int, steps: int) -> None:
    """Set the learning rate of a step; `steps` are those of the whole training."""
    factor = schedule(recipe, step, steps)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["share"] * factor


def schedule(recipe: Recipe, step: int, steps: int) -> float:
    """The share of the learning rate at a step: linear warm-up, then constant or a half cosine.

    >>> cosine = Recipe(epochs=10, schedule="cosine", warmup=1)
    >>> [round(schedule(cosine, step, 100), 2) for step in (0, 4, 9, 10, 55, 99)]
    [0.1, 0.5, 1.0, 1.0, 0.5, 0.0]
    """
    warm = round(steps * recipe.warmup / recipe.epochs)
    if step < warm:
        return (step + 1) / warm
    if recipe.schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1))) / 2


def _groups(
    model: nn.Module, name: str, recipe: Recipe, options: NetworkOptions
) -> list[dict[str, Any]]:
    """Weights of one share of the rate and one decay together, in the order of the network."""
    network = model.network if isinstance(model, OrdinalNetwork) else model
    shares = {id(weight): share for weight, share in _shares(network, name, options)}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for weight in model.parameters():
        decay = recipe.weight_decay if weight.ndim > 1 else 0.0
        share = shares.get(id(weight), 1.0)  # thresholds of scores belong to the head
        groups.setdefault((share, decay), []).append(weight)
    return [
        {"params": weights, "share": share, "weight_decay": decay}
        for (share, decay), weights in groups.items()
    ]


def _shares(
    model: nn.Module, name: str, options: NetworkOptions
) -> Iterator[tuple[nn.Parameter, float]]:
    """Each weight of a network and its share of the learning rate."""
    weights = dict(model.named_parameters())
    if (options.backbone_rate, options.layer_decay) == (1, 1):
        yield from ((weight, 1.0) for weight in weights.values())
        return
    head = {id(weight) for weight in head_of(model, name).parameters()}
    layers = list(dict.fromkeys(map(_layer, weights)))
    for key, weight in weights.items():
        above = len(layers) - 1 - layers.index(_layer(key))
        share = options.backbone_rate * options.layer_decay**above
        yield weight, 1.0 if id(weight) in head else share


def _layer(key: str) -> str:
    """The layer a weight belongs to: its name up to the first numbers, block by block.

    >>> [_layer(key) for key in ("conv1.weight", "layer2.0.bn1.bias", "blocks.3.1.conv.weight")]
    ['conv1', 'layer2.0', 'blocks.3.1']
    """
    parts = key.split(".")
    end = 1
    while end < len(parts) and parts[end].isdigit():
        end += 1
    return ".".join(parts[:end])

"""Networks of several seeds trained at once, where one alone is too small to fill a device.

Each learns as if it were alone, to rounding: it has its own order of tiles, its own augmentation
and its own best epoch. Adam treats every weight by itself, so one optimiser serves them all.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from her2bench.training.loop import Course, Fit, Side, adam, tile_loss, train_epoch

DROPOUTS = (
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.AlphaDropout, nn.FeatureAlphaDropout),
)


CAST_WHOLE = (nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten)


def can_be_stacked(model: nn.Module, precision: str) -> bool:
    """Whether networks like this can be trained together with the results of one by one.

    Not with dropout, whose masks would be drawn in another order, nor with buffers such as batch
    normalisation's running means, which belong to no gradient. In mixed precision only if all
    layers compute in the lower one.
    """
    layers = [layer for layer in model.modules() if not list(layer.children())]
    drops = any(isinstance(layer, DROPOUTS) and layer.p > 0 for layer in layers)
    whole = precision == "32-true" or all(isinstance(layer, CAST_WHOLE) for layer in layers)
    return whole and not drops and not any(True for _ in model.buffers())


class Stack(nn.Module):
    """Networks of one kind computed at once: each weight has one dimension more, in front.

    The networks keep their weights in the stack from then on: what it learns, they have learnt.

    Args:
        networks: (s,) on the same device.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self._networks = tuple(networks)  # a tuple, so that they are no part of this module
        stacked, _ = stack_module_state(list(networks))
        self._names = tuple(stacked)
        self.weights = nn.ParameterList(stacked.values())
        for i, network in enumerate(networks):
            for name, weight in network.named_parameters():
                weight.data = stacked[name].detach()[i]

    def forward(self, tiles: Tensor) -> Tensor:
        """Tiles of the first network, then of the second, … (s * b, 3, h, w) → (s * b,)."""
        # Autocast reaches only some layers inside vmap. Mixed precision's tiles come in its type;
        # giving the weights the same is what autocast does for `CAST_WHOLE`.
        cast = (weight.to(tiles.dtype) for weight in self.weights)
        weights = dict(zip(self._names, cast, strict=True))
        with torch.autocast(tiles.device.type, enabled=False):
            return vmap(self._one)(weights, tiles.unflatten(0, (len(self._networks), -1))).flatten()

    def _one(self, weights: dict[str, Tensor], tiles: Tensor) -> Tensor:
        return functional_call(self._networks[0], weights, (tiles,))

    def train(self, mode: bool = True) -> "Stack":
        for network in self._networks:
            network.train(mode)
        return super().train(mode)


def fit_together(
    fabric: Fabric, courses: Sequence[Course], train: Side, validation: Side
) -> list[Fit]:
    """Train several networks at once; afterwards each holds the weights that the recipe keeps.

    Nothing of it is on disk before its end: a training that was stopped starts anew.

    Args:
        fabric: device and precision.
        courses: fresh networks on the device, and plans that differ by the seed alone.
        train: the tiles to learn from, the same for all.
        validation: the tiles that choose each network's epoch.
    """
    plans = [course.plan for course in courses]
    for course in courses:
        course.plan.compute.stackable.set_on(course.model)
    stack = Stack([course.model for course in courses])
    model, optimiser = fabric.setup(stack, adam(stack, plans[0].learning_rate, fabric.device))
    wrapped = [fabric.setup(course.model) for course in courses]
    loss = tile_loss(fabric, plans[0])
    for number in range(plans[0].recipe.epochs):
        rows = train_epoch(fabric, model, optimiser, loss, train, plans, number)
        for course, network, row in zip(courses, wrapped, rows, strict=True):
            course.judge(row, network, validation, loss)
            course.on_epoch(row)
    return [replace(course.ended(), together=len(courses)) for course in courses]

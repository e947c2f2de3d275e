"""The networks: one file each, one line in MODELS."""

from torch import nn

from her2bench.core.errors import UserError, nearest
from her2bench.models.alexnet import AlexNet
from her2bench.models.lenet import LeNet
from her2bench.models.mini_hahnet import MiniHAHNet

MODELS: dict[str, type[nn.Module]] = {
    "lenet": LeNet,
    "alexnet": AlexNet,
    "mini_hahnet": MiniHAHNet,
}
SMALLEST = 64  # pixels a side: below it AlexNet's last pooling has nothing left to pool


def check_model(name: str, size: int) -> None:
    """Raise a UserError when there is no such model, or none for tiles of that size."""
    if name not in MODELS:
        raise UserError(
            "models",
            found=f"unknown model {name!r}",
            expected=f"one of {', '.join(MODELS)}",
            cure=nearest(name, MODELS) or "choose one of these",
        )
    if size < SMALLEST:
        raise UserError(
            "size",
            found=f"tiles of {size} px",
            expected=f"at least {SMALLEST} px",
            cure=f"set size = {SMALLEST} or more",
        )


def build_model(name: str, size: int) -> nn.Module:
    """A network with fresh weights for tiles of `size` x `size` pixels, one logit a tile."""
    check_model(name, size)
    return MODELS[name](size)

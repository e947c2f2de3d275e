"""How one network of a config starts, what of it is trained, and how its recipe differs."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from her2bench.core.config import Settings
from her2bench.models.arguments import Argument
from her2bench.training.tuning_settings import TuningSpace


class NetworkOptions(Settings):
    """The table `[network.NAME]` of a config.

    Attributes:
        pretrained: true for the weights that timm has on its hub, or the path of a weights file.
        training: `full`, or `frozen`: features of each tile are computed once, and a linear head is
            fitted to them, its regularisation chosen on validation.
        backbone_rate: the learning rate of all layers but the head, as a share of the head's.
        layer_decay: each layer's learning rate as a share of the next one's.
        arguments: of the network's class, such as `front_end = "rgb"`; for `NAME=NETWORK` entries.
        recipe: settings of `[recipe]` that are different for this network, such as
            `pos_weight = "none"`.
        tuning: the ranges of this network's trials, in place of all of `[tuning.space]`.
    """

    pretrained: bool | Path = False
    training: Literal["full", "frozen"] = "full"
    backbone_rate: float = Field(default=1.0, gt=0, le=1)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    arguments: dict[str, Argument] = Field(default={}, max_length=100)
    recipe: dict[str, Any] = Field(default={}, max_length=100)
    tuning: TuningSpace | None = None

    @model_validator(mode="after")
    def _of_use(self) -> "NetworkOptions":
        if self.training == "frozen" and not self.pretrained:
            raise ValueError('training = "frozen" needs pretrained weights')
        if self.training == "frozen" and (self.backbone_rate, self.layer_decay) != (1, 1):
            raise ValueError("a frozen network has no learning rates")
        return self


FULL = NetworkOptions()
"""The whole network, from initial weights, at one learning rate."""

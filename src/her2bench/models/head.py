"""A network's head: the last linear layer with one output. All before it is the backbone."""

from torch import nn

from her2bench.core.errors import UserError


def head_of(model: nn.Module, name: str) -> nn.Linear:
    """The layer from features to the logit.

    Raises:
        UserError: the network has none, so that no part of it can be kept as it is.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == 1]
    if not layers:
        raise UserError(
            f"network.{name}",
            found="a network whose last layer is no nn.Linear with one output",
            expected="such a layer, to tell the head from the backbone",
            hint="give it one, or train the whole network (remove training and backbone_rate)",
        )
    return layers[-1]

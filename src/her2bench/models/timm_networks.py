"""Networks of timm: any name of its zoo, with one logit and the input that timm says it takes.

timm's own networks come with the installation. `hf-hub:OWNER/NAME` reads the network's config from
the Hugging Face hub, or from its cache on this machine where that was done before.
"""

from functools import partial
from typing import Any, cast

import timm
from timm.models import PretrainedCfg, get_pretrained_cfg
from torch import nn

from her2bench.core.errors import UserError, nearest
from her2bench.models.registry import Build, Expected

HUB = "hf-hub:"


def timm_network(name: str) -> tuple[Build, Expected]:
    """How to build a network of timm, and the normalisation of its input.

    Args:
        name: of timm's zoo, with or without the tag of its weights, or `hf-hub:OWNER/NAME`.

    Raises:
        UserError: timm knows no network of that name, or cannot read it from the hub.
    """
    config = _from_hub(name) if name.startswith(HUB) else _from_zoo(name)
    return partial(_built, name, config.fixed_input_size), _expected(config)


def _built(name: str, fixed: bool, size: int, pretrained: bool = False) -> nn.Module:
    """The network for tiles of `size` px, which only those of a fixed size need to know."""
    options: dict[str, Any] = {"img_size": size} if fixed else {}
    return timm.create_model(name, pretrained=pretrained, num_classes=1, **options)


def _from_zoo(name: str) -> PretrainedCfg:
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise _unknown(name, nearest(architecture, timm.list_models()))
    tagged = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in tagged:
        raise _unknown(name, nearest(name, tagged) or f"one of {', '.join(tagged)}")
    return get_pretrained_cfg(name, allow_unregistered=False) or PretrainedCfg()


def _from_hub(name: str) -> PretrainedCfg:
    from timm.models import load_model_config_from_hf

    try:
        config = load_model_config_from_hf(name.removeprefix(HUB))[0]
    except (OSError, ValueError) as error:  # no network, no such place, no right to read it
        raise UserError(
            f"models, timm:{name}",
            found=f"it cannot be read from the hub ({type(error).__name__})",
            expected="a timm network on huggingface.co that you may read, and a connection",
            hint="log in with `hf auth login`, or read it once where there is a connection",
        ) from error
    return PretrainedCfg(**config)


def _expected(config: PretrainedCfg) -> Expected:
    mean, std = (tuple(map(float, each)) for each in (config.mean, config.std))
    return cast("Expected", (mean, std))


def _unknown(name: str, hint: str) -> UserError:
    return UserError(
        "models",
        found=f"timm has no network {name!r}",
        expected="a name of timm.list_models(), such as timm:resnet18",
        hint=hint or 'python -c "import timm; print(timm.list_models())" lists them',
    )

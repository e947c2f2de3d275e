"""Pretrained weights, from a file or from timm's hub: all of them fit, or none is loaded."""

import pickle
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from her2bench.core.atomic_io import reading
from her2bench.core.errors import UserError
from her2bench.models.head import head_of
from her2bench.models.registry import TIMM, network

_NESTED = ("state_dict", "model", "model_state_dict")
_PREFIXES = ("module.", "_orig_mod.")
_COUNTER = "num_batches_tracked"  # of batch normalisation: no weight, and often left out
_NAMED = 4  # names in a message


def pretrained_model(name: str, size: int, weights: bool | Path) -> nn.Module:
    """A network with pretrained weights but for its head, which stays as initialised.

    Args:
        name: a registered network.
        size: of the tiles, pixels.
        weights: a `.safetensors`, `.pth` or `.pt` file; True: those that timm has for its network.

    Raises:
        UserError: the file is of another network, or there is no way to the hub.
    """
    known = network(name)
    if isinstance(weights, Path):
        model = known.fresh(size)
        load_weights(model, name, weights)
        return model
    if not known.source.startswith(TIMM):
        raise UserError(
            f"network.{name}.pretrained",
            found=f"true for {name}, which has no weights on a hub",
            hint="give the path of a weights file, or use a network of timm",
        )
    try:
        return known.build(size=size, pretrained=True)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise _unreachable(name, known.source, error) from error


def load_weights(model: nn.Module, name: str, path: Path) -> None:
    """Load a weights file into a network, its head left out where the classes differ.

    Raises:
        UserError: a name is missing or unknown, a shape differs, or it is no weights file.
    """
    found, wanted = read_weights(path), model.state_dict()
    layer = head_of(model, name)
    head = next(key for key, module in model.named_modules() if module is layer)
    for key in (f"{head}.weight", f"{head}.bias"):
        if key in wanted and (key not in found or found[key].shape != wanted[key].shape):
            found.pop(key, None)
            found[key] = wanted[key]
    found |= {k: v for k, v in wanted.items() if k.endswith(_COUNTER) and k not in found}
    missing = [key for key in wanted if key not in found]
    unknown = [key for key in found if key not in wanted]
    shapes = [
        f"{key} {tuple(found[key].shape)} instead of {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in found and found[key].shape != value.shape
    ]
    parts = (("missing", missing), ("unknown", unknown), ("of another shape", shapes))
    problems = [f"{len(names)} {what} ({_some(names)})" for what, names in parts if names]
    if problems:
        raise UserError(
            path,
            found=f"weights of another network: {'; '.join(problems)}",
            expected=f"the {len(wanted)} tensors of {name}, name by name",
            hint="give the file of this network, or convert its names",
        )
    model.load_state_dict(found)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file; a pickled one is read with `weights_only`.

    Raises:
        UserError: there is no such file, or it is none of weights.
    """
    try:
        with reading(path):
            content: Any = _content(path)
    except (SafetensorError, pickle.UnpicklingError, ValueError, RuntimeError, EOFError) as error:
        raise _no_weights(path, f"it cannot be read ({type(error).__name__})") from error
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise _no_weights(path, f"a {type(content).__name__}")
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items()):
        raise _no_weights(path, "entries that are no tensors")
    return {_plain(key): value for key, value in content.items()}


def checksum_of(path: Path) -> str:
    """A checksum of a file's content, eight hexadecimal digits."""
    total = 0
    with reading(path), path.open("rb") as file:
        while block := file.read(1 << 20):
            total = zlib.crc32(block, total)
    return f"{total:08x}"


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _plain(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _no_weights(path: Path, found: str) -> UserError:
    return UserError(
        path,
        found=found,
        expected="weights: names and tensors, as .safetensors, .pth or .pt",
        hint="save the network's state_dict()",
    )


def _unreachable(name: str, source: str, error: Exception) -> UserError:
    import timm

    config = timm.get_pretrained_cfg(source.removeprefix(TIMM), allow_unregistered=False)
    place = f"https://huggingface.co/{config.hf_hub_id}" if config and config.hf_hub_id else "timm"
    return UserError(
        f"network.{name}.pretrained",
        found=f"its weights cannot be read from the hub ({type(error).__name__})",
        expected="a connection, or the weights on this machine",
        hint=f"download model.safetensors of {place} elsewhere, and set network.{name}.pretrained "
        "to its path",
    )

"""A trained network on disk: safetensors, with the settings for prediction in its header."""

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_model
from torch import nn

from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.core.vocabulary import LARGEST_SIZE, NETWORKS
from her2bench.data.decoding.squares import SQUARES, Square
from her2bench.data.tile_cache.pixels import Decoding
from her2bench.models.arguments import Argument, with_arguments
from her2bench.models.ordinal import OrdinalNetwork
from her2bench.models.registry import OURS, Network, is_timms_own, named_network, network
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.training_scale import TrainingScale
from her2bench.prediction.weights import write_tensors


@dataclass(frozen=True)
class ModelMetadata:
    """The metadata of a weights file.

    `threshold` is on the logit: a tile is predicted positive above it. `endpoint` defines
    positive (`score`: an ordinal network, 2+ or more), `decoding` the decoding of the tiles;
    `source` names the network behind the model's name, such as `package.module:Class`, and
    `arguments` are those of its class; `square` says what was done with tiles that are not square;
    `scale` how large the training tiles were, where known.
    """

    model: str
    size: int
    preparation: Normalization
    threshold: float
    endpoint: str
    decoding: Decoding = "exact"
    source: str = ""
    square: Square = "squash"
    arguments: dict[str, Argument] = field(default_factory=dict)
    scale: TrainingScale | None = None


def save_trained(model: nn.Module, description: ModelMetadata, path: Path) -> None:
    """Write the weights of a network and its description."""
    header = {
        "model": description.model,
        "size": str(description.size),
        "mean": json.dumps(description.preparation.mean),
        "std": json.dumps(description.preparation.std),
        "threshold": repr(description.threshold),
        "endpoint": description.endpoint,
        "decoding": description.decoding,
    }
    header |= {"source": description.source} if description.source else {}
    header |= {"square": description.square} if description.square != "squash" else {}
    header |= {"arguments": json.dumps(description.arguments)} if description.arguments else {}
    if description.scale is not None:
        header |= {"tile_side": str(description.scale.side)}
        mpp = description.scale.mpp
        header |= {"mpp": repr(mpp)} if mpp is not None else {}
    write_tensors(model.state_dict(), path, header)


def load_trained(run: RunFolder, device: torch.device) -> tuple[nn.Module, ModelMetadata]:
    """Read the network of a finished run, or of a file that `her2bench export` wrote.

    Code named by a weights file is never imported: a user's network must be registered in this
    process. Networks of timm's own zoo are known.

    Raises:
        UserError: the folder is not a finished run of a network, its weights are damaged, or its
            network is not registered; or the file is no export.
    """
    if run.path.is_file():
        from her2bench.prediction.exported.onnx_network import load_onnx  # of another extra

        loaded, exported = load_onnx(run.path)
        return loaded.eval(), exported.trained
    if not run.done or not run.weights.is_file():
        raise UserError(
            run.path,
            found="no finished run of a network (DONE and model.safetensors are not both there)",
            expected="a folder such as OUT/runs/lenet/seed-0/fold-0",
            hint="give the run folder itself, or let `her2bench compare` finish it",
        )
    run.check(run.weights)
    try:
        description = _description(run.weights)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise _unreadable(run, error, _AGAIN) from error
    known = _network(run, description)
    try:
        model = _empty(known, description, device)
        load_model(model, run.weights, device=str(device))
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        hint = (
            _AGAIN
            if known.ours
            else f"check that the class of {description.model} is unchanged; if so, {_AGAIN}"
        )
        raise _unreadable(run, error, hint) from error
    threshold = run.summary().get("threshold", description.threshold)  # may have changed since
    return model.eval(), replace(description, threshold=float(threshold))


_AGAIN = "delete the run folder and run `her2bench compare` again"


def _network(run: RunFolder, description: ModelMetadata) -> Network:
    """The network that the weights are of.

    What the file says decides, not what has the model's name in this process: another comparison
    may use the name for other arguments.
    """
    name, source, arguments = description.model, description.source, description.arguments
    if source in OURS or is_timms_own(source):
        return named_network(f"{name}={source}", arguments)
    if name not in NETWORKS:
        raise _unknown(run, description)
    known = network(name)
    return replace(known, build=with_arguments(known.build, arguments, name))


def _empty(known: Network, description: ModelMetadata, device: torch.device) -> nn.Module:
    """The network on the device, without its weights."""
    known.check_size(description.size)
    if not known.ours:  # non-weight state is created in its constructor
        return _built(known, description).to(device)
    with torch.device("meta"):
        model = _built(known, description)
    return model.to_empty(device=device)


def _built(known: Network, description: ModelMetadata) -> nn.Module:
    model = known.fresh(description.size)
    return OrdinalNetwork(model) if description.endpoint == "score" else model


def _unreadable(run: RunFolder, error: Exception, hint: str) -> UserError:
    return UserError(run.weights, found=f"weights that cannot be read ({error})", hint=hint)


def _unknown(run: RunFolder, description: ModelMetadata) -> UserError:
    name, source = description.model, description.source
    entry = f"{name}={source or 'package.module:Class'}"
    return UserError(
        run.weights,
        found=f"weights of {name!r}{f' ({source})' if source else ''}, unknown in this process",
        expected=f"one of {', '.join(NETWORKS)}; code named by a file is not imported",
        hint=f"if you trust that code, give --model {entry}, or call register_model first",
    )


def _description(path: Path) -> ModelMetadata:
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    mean, std = json.loads(header["mean"]), json.loads(header["std"])
    numbers = [*mean, *std, float(header["threshold"])]
    if len(numbers) != 7 or not all(math.isfinite(number) for number in numbers):
        raise ValueError("its header has no finite mean, std and threshold")
    size, square = int(header["size"]), header.get("square", "squash")
    if not 1 <= size <= LARGEST_SIZE or square not in SQUARES:
        raise ValueError(f"size {size} or square {square!r} in its header is unknown")
    arguments = json.loads(header.get("arguments", "{}"))
    if not isinstance(arguments, dict) or not all(
        isinstance(value, bool | int | float | str) for value in arguments.values()
    ):
        raise ValueError("the arguments in its header are no names and plain values")
    return ModelMetadata(
        model=header["model"],
        size=size,
        preparation=Normalization(tuple(mean), tuple(std)),
        threshold=float(header["threshold"]),
        endpoint=header["endpoint"],
        decoding="fast" if header.get("decoding") == "fast" else "exact",
        source=header.get("source", ""),
        square=square,  # type: ignore[arg-type]
        arguments=arguments,
        scale=_scale(header),
    )


def _scale(header: dict[str, str]) -> TrainingScale | None:
    if "tile_side" not in header:
        return None
    mpp = float(header["mpp"]) if "mpp" in header else None
    return TrainingScale(int(header["tile_side"]), mpp)

"""Tensors on disk, written atomically and read only if unchanged."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from her2bench.core.atomic_io import limit_of, replacing


def write_tensors(tensors: dict[str, Tensor], path: Path, header: dict[str, str]) -> None:
    """Write tensors as safetensors with a text header that includes a checksum.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    whole = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    header = header | {"checksum": _checksum(whole, header)}
    with replacing(path) as temporary:
        try:
            save_file(whole, temporary, metadata=header)
        except SafetensorError as error:  # it hides the error of the operating system
            if limit_of(error):
                raise OSError(str(error)) from error
            raise


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header that `write_tensors` wrote.

    Raises:
        ValueError: the checksum does not match.
        OSError: the file cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = dict(file.metadata() or {})
        tensors = load_file(path)
    except (SafetensorError, KeyError, TypeError, RuntimeError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if header.pop("checksum", "") != _checksum(tensors, header):
        raise ValueError("the checksum does not match")
    return tensors, header


def _checksum(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> str:
    kinds = [[name, str(t.dtype), list(t.shape)] for name, t in sorted(tensors.items())]
    total = zlib.crc32(json.dumps([kinds, sorted(header.items())]).encode())
    for _, tensor in sorted(tensors.items()):
        total = zlib.crc32(tensor.detach().reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"

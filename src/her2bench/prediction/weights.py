"""Writing tensors to disk, whole or not at all."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from her2bench.core.files import limit_of, replacing


def write_tensors(tensors: dict[str, Tensor], path: Path, header: dict[str, str]) -> None:
    """Write tensors as safetensors with a text header.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(whole, temporary, metadata=header)
        except SafetensorError as error:  # it hides the operating system's own error
            if limit_of(error):
                raise OSError(str(error)) from error
            raise

"""Parts of her2bench that the base installation leaves out, and how to add them."""

from collections.abc import Iterator
from contextlib import contextmanager

from her2bench.core.errors import UserError

EXTRA_OF = {
    "torch": "train",
    "lightning_fabric": "train",
    "captum": "train",
    "optuna": "tuning",
    "safetensors": "train",
    "onnx": "export",
    "onnxruntime": "export",
    "onnxscript": "export",
    "fastapi": "serve",
    "uvicorn": "serve",
    "python_multipart": "serve",
}
"""Package → the extra that installs it."""


def missing_extra(error: ImportError, what: str) -> UserError | None:
    """The message for a package of an extra that is not installed; None for other errors.

    >>> print(missing_extra(ModuleNotFoundError(name="torch"), "compare"))
    compare: needs torch, which is not installed
      expected: her2bench with the extra "train"
      hint: pip install "her2bench[train]"
    """
    package = (error.name or "").partition(".")[0]
    extra = "serve" if what == "serve" and package in EXTRA_OF else EXTRA_OF.get(package)
    if extra is None:
        return None
    return UserError(
        what,
        found=f"needs {package}, which is not installed",
        expected=f'her2bench with the extra "{extra}"',
        hint=f'pip install "her2bench[{extra}]"',
    )


@contextmanager
def needs_extra(what: str) -> Iterator[None]:
    """Imports inside the block that fail because an extra is missing say which one to install.

    Raises:
        UserError: a package of an extra is missing.
    """
    try:
        yield
    except ImportError as error:
        message = missing_extra(error, what)
        if message is None:
            raise
        raise message from error

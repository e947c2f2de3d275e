"""Where a result goes that is one file: a new file, a link's target, a pipe, a device."""

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from her2bench.core.errors import UserError


def is_stream(path: Path) -> bool:
    """Whether `path` is written into, and never replaced: a pipe, a terminal, /dev/stdout.

    Raises:
        UserError: it is a disk or a socket.
    """
    try:
        kind = path.stat().st_mode
    except (OSError, ValueError):
        return False
    if stat.S_ISBLK(kind) or stat.S_ISSOCK(kind):
        found = "a disk" if stat.S_ISBLK(kind) else "a socket"
        raise UserError(path, found=found, expected="a file", hint="name a file of your own")
    opened_before = str(path.absolute()).startswith(("/dev/fd/", "/proc/"))
    return opened_before or stat.S_ISFIFO(kind) or stat.S_ISCHR(kind) or _descriptor(path) > 0


def followed(path: Path) -> Path:
    """Where a link leads in the end, be it there or not; another path as it is.

    Raises:
        OSError: links lead round in a circle.
    """
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


@contextmanager
def poured(path: Path) -> Iterator[Path]:
    """Yield a temporary file; what the block writes to it goes into `path` when it succeeds."""
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder) / path.name
        yield temporary
        with _opened(path) as stream:
            stream.write(temporary.read_bytes())


def _opened(path: Path) -> BinaryIO:
    """Our own stdout and stderr are written where they stand, not from the start of their file."""
    number = _descriptor(path)
    if number:
        (sys.stdout if number == 1 else sys.stderr).flush()
    return open(number or path, "wb", closefd=not number)


def _descriptor(path: Path) -> int:
    """1 or 2 where `path` is this process's stdout or stderr; 0 otherwise."""
    for number in (1, 2):
        try:
            if os.path.samestat(path.stat(), os.fstat(number)):
                return number
        except OSError:
            continue
    return 0

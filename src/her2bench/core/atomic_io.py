"""Atomic writes: a reader never sees an incomplete file."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from her2bench.core.errors import UserError
from her2bench.core.notes import note
from her2bench.core.outputs import followed, is_stream, poured

LOCK = ".lock"
SOFT_LOCK = ".lock-held"  # where the file system has no locks: it exists while a process is running
TEMPORARY = ".her2bench-unfinished-"  # our own prefix: files with it may be removed
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
_NO_FLUSH = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EBADF}
_FROM_THE_SYSTEM = re.compile(r"os error (\d+)")
_DISK_FULL = "the disk is full", "free some space, then run the command again"
_FILES = (
    "too many files are open",
    "raise the limit on open files (ulimit -n), then run the command again",
)
_LIMITS = {
    errno.ENOSPC: _DISK_FULL,
    getattr(errno, "EDQUOT", errno.ENOSPC): _DISK_FULL,
    errno.EFBIG: (
        "the file would exceed the size limit",
        "raise the limit on file sizes (ulimit -f), or name another disk",
    ),
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    **({112: _DISK_FULL} if os.name == "nt" else {}),  # ERROR_DISK_FULL
    errno.ENOMEM: ("the memory is full", "end other programs, then run the command again"),
}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the name `path` when the block succeeds.

    If the block fails, whatever it wrote is removed and `path` stays as it was. Works for a file
    and for a folder (a folder only takes the place of nothing: the first writer wins, and a
    second one's copy is dropped). A link stays and its target is replaced; a pipe or a device is
    written into.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    name = path.name
    with writing(path):
        if is_stream(path):
            with poured(path) as temporary:
                yield temporary
            return
        path = followed(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
        try:
            temporary = folder / name
            yield temporary
            if temporary.is_dir() and path.is_dir():
                return
            _to_disk(temporary)
            temporary.replace(path)
            _entry_to_disk(path.parent)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_writable(folder: Path, named: str = "") -> None:
    """Refuse, before long work, a folder into which nothing can be written; leaves no trace.

    Args:
        folder: it need not be there yet.
        named: the option that names it, for the message and its hint.

    Raises:
        UserError: a file stands in its way, or the folder cannot be made or written.
    """
    where, hint = f"{named} {folder}".strip(), f"name another with {named}" if named else ""
    missing = [f for f in (folder, *folder.absolute().parents) if not os.path.lexists(f)]
    with writing(where, hint):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder).cleanup()
        except (FileExistsError, NotADirectoryError) as error:
            inside = (folder, *folder.absolute().parents)
            file = next(f for f in inside if os.path.lexists(f) and not f.is_dir())
            raise UserError(
                where, found=f"{file} is a file", expected="a folder", hint=hint
            ) from error
        finally:
            for made in missing:
                with suppress(OSError):  # another process writes there already: it stays
                    made.rmdir()


def check_output(path: Path, named: str = "-o") -> None:
    """Refuse, before long work, a file that could not be written; leaves no trace.

    Raises:
        UserError: a folder has its name, or `check_writable` refuses the folder it is to lie in.
    """
    if path.is_dir():
        raise UserError(
            f"{named} {path}", found="a folder", expected="a file", hint="name a file in it"
        )
    if not is_stream(path):
        with writing(path):
            check_writable(followed(path).parent, named)


def limit_of(error: BaseException) -> tuple[str, str] | None:
    """What ran out and how to go on, where an error of the operating system says so.

    >>> limit_of(OSError(errno.EFBIG, "File too large"))[0]
    'the file would exceed the size limit'
    """
    code = getattr(error, "errno", None)
    inside = _FROM_THE_SYSTEM.search(str(error))  # libraries in Rust hide it in their own
    return _LIMITS.get(int(inside[1]) if inside and code is None else code)


@contextmanager
def writing(path: object, hint: str = "") -> Iterator[None]:
    """Turn the operating system's refusals to write at `path` into messages a user can act on."""
    try:
        yield
    except (OSError, pl.exceptions.ComputeError) as error:
        if limit := limit_of(error):
            raise UserError(path, found=limit[0], hint=limit[1]) from error
        if not isinstance(error, OSError):
            raise
        raise UserError(
            path,
            found=f"cannot be written ({error.strerror or error})",
            hint=hint or "choose another place to write, or change the permissions",
        ) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to read at `path` into a message a user can act on."""
    try:
        yield
    except OSError as error:
        if limit := limit_of(error):
            raise UserError(path, found=limit[0], hint=limit[1]) from error
        raise UserError(
            path,
            found=f"cannot be read ({error.strerror or error})",
            hint="check the path and its permissions",
        ) from error


@contextmanager
def working_alone(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; what a killed one left half-written in it is removed.

    Raises:
        UserError: another process holds it.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
    try:
        for left in folder.rglob(f"{TEMPORARY}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


def _lock(folder: Path) -> BaseFileLock:
    """Take the folder's lock; where the file system has none, a file that says who is at work."""
    hint = "wait for it, or name another output with -o"
    try:
        try:
            lock = FileLock(folder / LOCK)
            lock.acquire(timeout=0)
        except (OSError, NotImplementedError) as error:  # the latter from older filelocks
            if isinstance(error, Timeout) or getattr(error, "errno", errno.ENOSYS) not in _NO_LOCKS:
                raise
            note(folder, f"this file system has no locks; the file {SOFT_LOCK} is used instead")
            hint += f"; if no process is running any more, delete {folder / SOFT_LOCK}"
            lock = SoftFileLock(folder / SOFT_LOCK)
            lock.acquire(timeout=0)
    except Timeout as error:
        found = "another her2bench process uses this folder"
        raise UserError(folder, found=found, hint=hint) from error
    return lock


def _to_disk(path: Path) -> None:
    """Wait until a file, or all files of a folder, are on the disk itself: a power cut may come."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("r+b") as stream:
                _flush(stream.fileno())


def _entry_to_disk(folder: Path) -> None:
    """Wait until a folder's list of names is on the disk; Windows sees to that itself."""
    if os.name != "nt":
        opened = os.open(folder, os.O_RDONLY)
        try:
            _flush(opened)
        finally:
            os.close(opened)


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:  # some file systems cannot
        if error.errno not in _NO_FLUSH:
            raise

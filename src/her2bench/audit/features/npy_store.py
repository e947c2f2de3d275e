"""Columns of equal length that many threads fill: in memory, or in one file each."""

import io
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

Kinds = Mapping[str, tuple[str, tuple[int, ...]]]
IN_MEMORY = 64 << 20  # bytes; a larger column stays on disk and is mapped


@dataclass(frozen=True)
class Columns:
    """Columns of n rows, 0 where nothing was put.

    Attributes:
        kinds: name → (numpy dtype, shape of one row).
        arrays: name → (n, …), where they are held in memory.
        streams: name → open file, where they lie on disk.
        lock: held while writing.
    """

    kinds: Kinds
    arrays: dict[str, np.ndarray]
    streams: dict[str, BinaryIO]
    lock: threading.Lock

    @classmethod
    def in_memory(cls, kinds: Kinds, n: int) -> "Columns":
        """Columns held in memory."""
        arrays = {name: np.zeros((n, *shape), dtype) for name, (dtype, shape) in kinds.items()}
        return cls(kinds, arrays, {}, threading.Lock())

    @classmethod
    def on_disk(cls, folder: Path, kinds: Kinds, n: int) -> "Columns":
        """Columns as `.npy` files of a folder; to be closed, by `with`."""
        columns = cls(kinds, {}, {}, threading.Lock())
        for name, kind in kinds.items():
            stream = columns.streams[name] = _file(folder, name).open("w+b")
            stream.write(_header(kind, n))
            stream.truncate(_bytes(kind, n))
        return columns

    def __enter__(self) -> "Columns":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for stream in self.streams.values():
            stream.close()

    def block(self, rows: int) -> dict[str, np.ndarray]:
        """Empty columns of so many rows, to be filled by one thread."""
        return {name: np.zeros((rows, *shape), kind) for name, (kind, shape) in self.kinds.items()}

    def put(self, rows: Sequence[int], block: Mapping[str, np.ndarray]) -> None:
        """Put a block's rows where they belong."""
        for name, values in block.items():
            if name in self.arrays:
                self.arrays[name][rows] = values
                continue
            stream, (start, step) = self.streams[name], _place(self.kinds[name])
            # Plain writes: through a memory map a full disk ends the process without a word.
            with self.lock:
                for first, last in _runs(rows):
                    stream.seek(start + rows[first] * step)
                    stream.write(values[first:last].tobytes())


def read_columns(folder: Path, kinds: Kinds) -> dict[str, np.ndarray]:
    """The columns of a folder; large ones mapped from disk, read-only."""
    columns = {}
    for name in kinds:
        path = _file(folder, name)
        large = path.stat().st_size > IN_MEMORY
        columns[name] = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
    return columns


def size_of(kinds: Kinds, n: int) -> int:
    """Bytes of all columns' files together."""
    return sum(_bytes(kind, n) for kind in kinds.values())


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _bytes(kind: tuple[str, tuple[int, ...]], n: int) -> int:
    start, step = _place(kind)
    return start + n * step


def _place(kind: tuple[str, tuple[int, ...]]) -> tuple[int, int]:
    """Where the first row begins, and the bytes of a row."""
    dtype, shape = kind
    # numpy pads the header, so that its length does not depend on the number of rows.
    return len(_header(kind, 1)), int(np.prod(shape, dtype=int)) * np.dtype(dtype).itemsize


def _header(kind: tuple[str, tuple[int, ...]], n: int) -> bytes:
    dtype, shape = kind
    stream = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    head = {"descr": descr, "fortran_order": False, "shape": (n, *shape)}
    np.lib.format.write_array_header_1_0(stream, head)
    return stream.getvalue()


def _runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Where in `rows` stretches of consecutive numbers begin and end.

    >>> _runs([4, 5, 6, 9, 2, 3])
    [(0, 3), (3, 4), (4, 6)]
    """
    breaks = [i for i in range(1, len(rows)) if rows[i] != rows[i - 1] + 1]
    return list(zip([0, *breaks], [*breaks, len(rows)], strict=True))

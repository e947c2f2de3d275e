"""Loads tiles from disk or memory to the device, one batch ahead of the network."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

_SHARE_OF_DEVICE = 0.5  # maximum share of a GPU's free memory for the whole set


class TileLoader:
    """The tiles of a data set in any order on a device.

    On a GPU the whole set is resident if it fits; otherwise a second thread reads each batch from
    the mapped file while the network computes on the previous one, and sends it from pinned memory.
    The whole set is never copied on the CPU.

    Args:
        pixels: (n, h, w, 3) uint8, in memory or mapped from disk.
        device: of the batches.
    """

    def __init__(self, pixels: np.ndarray, device: torch.device) -> None:
        self.pixels, self.device = pixels, device
        self._resident = self._moved() if self._fits() else None

    def batches(self, parts: Sequence[np.ndarray]) -> Iterator[Tensor]:
        """For each part, integer rows (b,), its tiles (b, h, w, 3) uint8 on the device."""
        if self._resident is not None:
            for part in parts:
                yield self._resident.index_select(0, self._sent(torch.from_numpy(part)))
            return
        with ThreadPoolExecutor(1) as reader:
            ahead = [reader.submit(self._read, part) for part in parts[:1]]
            for following in [*parts[1:], None]:
                tiles = ahead.pop().result()
                if following is not None:
                    ahead.append(reader.submit(self._read, following))
                yield self._sent(tiles)

    def _fits(self) -> bool:
        if self.device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(self.device)
        return self.pixels.nbytes < _SHARE_OF_DEVICE * free

    def _moved(self) -> Tensor:
        whole = torch.empty(self.pixels.shape, dtype=torch.uint8, device=self.device)
        rows = np.arange(len(self.pixels))
        for part in np.split(rows, range(1024, len(rows), 1024)):
            whole[part[0] : part[-1] + 1] = torch.from_numpy(self.pixels[part]).to(self.device)
        return whole

    def _read(self, part: np.ndarray) -> Tensor:
        return torch.from_numpy(self.pixels[part])

    def _sent(self, values: Tensor) -> Tensor:
        if self.device.type == "cuda":
            # Pinned, so that the copy overlaps with the computation.
            return values.pin_memory().to(self.device, non_blocking=True)
        return values.to(self.device)

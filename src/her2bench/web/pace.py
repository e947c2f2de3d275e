"""Time limits of an upload."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from starlette.requests import ClientDisconnect


class BadUpload(Exception):
    """A refused request: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Pace:
    """Timeouts in seconds, idle and total, and the minimum bytes per second after a start.

    Only the time waiting for the client counts, not the processing of its files.
    """

    silence: float = 30.0
    seconds: float = 600.0
    rate: float = 10_000.0
    start: float = 5.0


async def paced(stream: AsyncIterator[bytes], pace: Pace) -> AsyncIterator[bytes]:
    """The chunks of a body, within the time limits.

    Raises:
        BadUpload: idle, too slow or too long, or the client disconnected.
    """
    total, waited = 0, 0.0
    while True:
        limits = {
            f"No data for {pace.silence:g} seconds.": pace.silence,
            f"The upload was slower than {pace.rate / 1e3:g} kB per second.": (
                pace.start + total / pace.rate - waited
            ),
            f"The upload took more than {pace.seconds:g} seconds.": pace.seconds - waited,
        }
        message, left = min(limits.items(), key=lambda limit: limit[1])
        began = monotonic()
        try:
            async with asyncio.timeout(left):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            raise BadUpload(408, message) from error
        except ClientDisconnect as error:
            raise BadUpload(400, "The upload is incomplete: the client disconnected.") from error
        if chunk is None:
            return
        waited += monotonic() - began
        total += len(chunk)
        yield chunk


@asynccontextmanager
async def admitted(slots: asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    """A slot among the open uploads, waiting at most `seconds`.

    Raises:
        BadUpload: no slot became free.
    """
    try:
        async with asyncio.timeout(seconds):
            await slots.acquire()
    except TimeoutError as error:
        raise BadUpload(503, "Too many uploads are open; try again.") from error
    try:
        yield
    finally:
        slots.release()

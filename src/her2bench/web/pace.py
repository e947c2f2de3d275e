"""How long a sender may take over an upload."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from starlette.requests import ClientDisconnect


class BadUpload(Exception):
    """A request that cannot be taken at all: HTTP status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Pace:
    """Seconds without a byte and in all, and the bytes a second that are owed after a start.

    Only the time spent waiting for the sender counts, not that spent on its files.
    """

    silence: float = 30.0
    seconds: float = 600.0
    rate: float = 10_000.0
    start: float = 5.0


async def paced(stream: AsyncIterator[bytes], pace: Pace) -> AsyncIterator[bytes]:
    """The chunks of a body, as long as they come fast enough.

    Raises:
        BadUpload: silent, too slow or too long, or the client has gone.
    """
    total, waited = 0, 0.0
    while True:
        limits = {
            f"Nothing came for {pace.silence:g} seconds.": pace.silence,
            f"The upload came slower than {pace.rate / 1e3:g} kB a second.": (
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
            raise BadUpload(400, "The upload broke off: the client has gone.") from error
        if chunk is None:
            return
        waited += monotonic() - began
        total += len(chunk)
        yield chunk


@asynccontextmanager
async def admitted(room: asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    """A place among the open uploads, waited for no longer than `seconds`.

    Raises:
        BadUpload: none became free.
    """
    try:
        async with asyncio.timeout(seconds):
            await room.acquire()
    except TimeoutError as error:
        raise BadUpload(503, "Too many uploads are open; try again.") from error
    try:
        yield
    finally:
        room.release()

"""HTTP connections with limits that uvicorn does not set."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from her2bench.web.security import secured

MOST = 200
"""Maximum number of connections: below the open file limit of every system (256 on macOS)."""
IDLE = 15.0
"""Seconds between two checks of an idle connection."""


class Connection(H11Protocol):
    """Closed if the client stalls: an incomplete request head, a body sent after the response, or a
    response that is not read."""

    def connection_made(self, transport) -> None:
        """Accept a new connection, or refuse it if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            self._answer(503, "Too many connections; try again.", (b"retry-after", b"5"))
        else:
            self.loop.call_later(IDLE, self._look, None)

    def send_400_response(self, msg: str) -> None:
        """Respond to invalid HTTP, with the security headers of all responses."""
        self._answer(400, msg)

    def _answer(self, status: int, message: str, *more: tuple[bytes, bytes]) -> None:
        body = message.encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *more,
        ]
        for event in (
            h11.Response(status_code=status, headers=secured(headers)),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _look(self, before: tuple | None) -> None:
        if self not in self.connections:
            return
        cycle, unsent = self.cycle, self.transport.get_write_buffer_size()
        now = (cycle, unsent) if cycle is None or cycle.response_complete else None
        if now is not None and now == before:
            self.transport.abort()
        else:
            self.loop.call_later(IDLE, self._look, now)

"""HTTP connections with the limits that uvicorn leaves open."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from her2bench.web.security import secured

MOST = 200
"""Connections at once: below the files a process may open on every system (256 on macOS)."""
IDLE = 15.0
"""Seconds between two looks at a connection that waits for its client."""


class Connection(H11Protocol):
    """Closed where a client holds it without a request: it stops within the head of one, goes on
    with a body that is answered already, or takes no more of its answer."""

    def connection_made(self, transport) -> None:
        """Take a new connection, or turn it away where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            self._answer(503, "Too many connections; try again.", (b"retry-after", b"5"))
        else:
            self.loop.call_later(IDLE, self._look, None)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with the security headers of all answers."""
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

"""Who may ask, and what a page may do: hosts, origins, security headers. An ASGI layer."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HOST = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$")


class Guard:
    """Refuses foreign hosts and cross-site writes; adds the security headers to every answer.

    A page of another site can make a browser send requests here, under a name of its own that
    it points at this machine (DNS rebinding) or from its own origin (CSRF). The first shows in
    the Host header, the second in Origin and Sec-Fetch-Site, which scripts cannot forge.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = LOCAL, any_address: bool = False):
        self._app, self._any_address = app, any_address
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in {**HEADERS, "Content-Security-Policy": POLICY}.items():
                    answer.setdefault(name, value)
            await send(message)

        app = JSONResponse({"error": refusal[1]}, refusal[0]) if refusal else self._app
        await app(scope, receive, secured)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421, (
                f"This server does not answer to the name {host[:100]!r}. Open it by the address "
                "it printed, or name the host with --allow-host."
            )
        if method not in ("GET", "HEAD", "OPTIONS") and not _same_origin(headers):
            return 403, "A page of another site asked for this; only this server's own page may."
        return None

    def _is_ours(self, host: str) -> bool:
        found = _HOST.match(host)
        name = found[1].strip("[]").lower() if found else ""
        # A rebinding attack needs a name: an address as such is no one else's.
        return name in self._hosts or (self._any_address and _is_address(name))


def _same_origin(headers: Headers) -> bool:
    """Whether a browser says that our own page asks; programs send neither header."""
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers["host"].lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

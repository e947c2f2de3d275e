"""Allowed hosts and origins, and security headers, as an ASGI middleware."""

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers
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
_MOST_TARGET = 8_000  # bytes of an address
_MOST_HEADERS = 32_000  # bytes of all headers of a request
_SECURITY = [
    (name.lower().encode(), value.encode())
    for name, value in {**HEADERS, "Content-Security-Policy": POLICY}.items()
]
_FORWARDED_HOST = re.compile(r"\bhost=\"?([^\s;,\"]+)", re.IGNORECASE)
_ORIGIN = re.compile(r"^https?://([^/?#@\\\s]+)$", re.IGNORECASE)
_HOST = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$")


class Guard:
    """Refuses unknown hosts and cross-site writes; adds the security headers to every response.

    A page of another site can make a browser send requests here, under its own host name that
    resolves to this machine (DNS rebinding) or from its own origin (CSRF). The first shows in
    the Host header, the second in Origin and Sec-Fetch-Site, which scripts cannot forge.

    The outermost layer, so errors get the headers too.

    Args:
        app: the guarded application.
        hosts: names under which the server may be addressed.
        any_address: whether it may also be addressed by any IP address.
        public: names, with a port that is not the scheme's own, under which browsers see the
            server, independent of the proxy's Host header.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] = LOCAL,
        any_address: bool = False,
        public: Iterable[str] = (),
    ) -> None:
        self._app, self._any_address = app, any_address
        self._public = {name.lower() for name in public}
        self._hosts = {host.lower() for host in hosts} | set(map(name_of, self._public))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": secured(message.get("headers", []))}
            await send(message)

        refusal = self._refusal(scope, Headers(scope=scope))
        app = JSONResponse({"error": refusal[1]}, refusal[0]) if refusal else self._app
        await app(scope, receive, send_secured)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _MOST_TARGET:
            return 414, f"An address of more than {_MOST_TARGET} bytes."
        if sum(len(name) + len(value) for name, value in scope["headers"]) > _MOST_HEADERS:
            return 431, f"More than {_MOST_HEADERS} bytes of headers."
        if not self._is_ours(headers.get("host", "")):
            return 421, _unknown_host(headers)
        if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            return self._cross_site(headers)
        return None

    def _is_ours(self, host: str) -> bool:
        name = name_of(host)
        # A rebinding attack needs a host name, not an IP address.
        return name in self._hosts or (self._any_address and _is_address(name))

    def _cross_site(self, headers: Headers) -> tuple[int, str] | None:
        """Why a browser's headers show a cross-site request; programs send none of them."""
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return 403, "Cross-site request refused; only this server's own page may send it."
        origin, host = headers.get("origin"), headers["host"].lower()
        if origin is None:
            return None
        found = _ORIGIN.match(origin)
        site = found[1].lower() if found else ""
        if not name_of(site):
            return 403, (
                f"The Origin header {origin[:100]!r} names no site; only this server's own page "
                "may send this request."
            )
        if site == host or site in self._public:
            return None
        return 403, (
            f"The request is from a page of {site[:100]!r} (Origin), but addressed to "
            f"{host[:100]!r} (Host); only this server's own page may send it. If that page is this "
            f"server's, behind a proxy, start the server with --allow-host {site[:100]}"
        )


def secured(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers with the security headers that it does not set itself."""
    own = list(headers)
    known = {name.lower() for name, _ in own}
    return own + [(name, value) for name, value in _SECURITY if name not in known]


def name_of(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none.

    >>> name_of("Lab.example:8443"), name_of("[::1]:8000"), name_of("a b")
    ('lab.example', '::1', '')
    """
    found = _HOST.match(host)
    return found[1].strip("[]").lower() if found else ""


def _unknown_host(headers: Headers) -> str:
    host = headers.get("host", "")
    if not host:
        return (
            "The request has no Host header, so its target is unknown. Behind a proxy, "
            "forward the browser's header (nginx: proxy_set_header Host $http_host;)."
        )
    first = f"This server does not answer to the name {host[:100]!r} (Host header). "
    if not name_of(host):
        return first + "It is not a host name: open the address that the server printed."
    forwarded = _FORWARDED_HOST.search(headers.get("forwarded", ""))
    seen = headers.get("x-forwarded-host") or (forwarded[1] if forwarded else "")
    more = f" --allow-host {seen[:100]}" if name_of(seen) and seen != host else ""
    return (
        f"{first}If it is this server's, start it with --allow-host {name_of(host)[:100]}{more}; "
        "otherwise open the address that it printed."
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

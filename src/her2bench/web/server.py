"""Running the application: its address and host names."""

import ipaddress
import logging
import os
import socket
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from her2bench.core.errors import UserError
from her2bench.web.connections import Connection
from her2bench.web.security import LOCAL, name_of


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def names_of(host: str) -> tuple[str, ...]:
    """The names under which a server bound to `host` answers."""
    own = () if is_loopback(host) else (socket.gethostname(), socket.getfqdn())
    return (*LOCAL, host, *own)


def public_names(given: Sequence[str]) -> tuple[str, ...]:
    """The names given with --allow-host.

    Raises:
        UserError: one that no Host header can hold.
    """
    for name in given:
        if not name_of(name):
            raise UserError(
                "--allow-host",
                found=f"{name!r}",
                expected="the name of a machine, with a port if browsers see one",
                hint="give it as in lab.example or lab.example:8443",
            )
    return tuple(given)


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 selects any free port.

    Raises:
        UserError: the address is not this machine's, or the port is taken.
    """
    try:
        if not host:  # an empty host means all addresses
            raise OSError("an empty address")
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
        if os.name == "posix":  # reuse a port in TIME_WAIT; Windows would share it
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        return bound
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(
            f"{host}:{port}",
            found=f"cannot listen there ({error})",
            hint="choose another --port (0 selects any free port) or another --host",
        ) from error


def serve_app(app: ASGIApp, bound: socket.socket) -> None:
    """Answer requests on a bound socket until interrupted."""
    server_of(app).run([bound])


def server_of(app: ASGIApp) -> uvicorn.Server:
    """The HTTP server: one process, no trusted proxy, no Server header."""
    # It logs one line per malformed form; the client gets the error already.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    config = uvicorn.Config(
        app,
        http=Connection,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ws="none",
    )
    return uvicorn.Server(config)

"""Hostile senders over a real socket: refused in time, with the headers, and in no one's way."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic, sleep

import httpx
import pytest

from her2bench.web import connections
from her2bench.web.app import create_app
from her2bench.web.pace import Pace
from her2bench.web.server import bound_socket, server_of
from her2bench.web.uploads import Limits

HEAD = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = HEAD + b"Content-Type: multipart/form-data; boundary=e\r\nContent-Length: 100\r\n\r\n--e"


@pytest.fixture
def port(folder, service, monkeypatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "IDLE", 0.3)
    bound = bound_socket("127.0.0.1", 0)
    limits = Limits(pace=Pace(start=1.0), wait=20.0)
    server = server_of(create_app(folder, service, limits))
    server.config.lifespan = "off"  # it would close the service, which other tests share
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    while not server.started:
        sleep(0.01)
    yield bound.getsockname()[1]
    server.should_exit = True
    thread.join(10)


def connected(port: int, data: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.sendall(data)
    return made


def read(connection: socket.socket) -> bytes:
    found = b""
    try:
        while chunk := connection.recv(65536):
            found += chunk
    except ConnectionError:
        pass  # the server does not wait for what it does not want
    return found


def test_slow_senders_are_refused_and_keep_no_one_waiting(port, tile):
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(port, FORM)) for _ in range(40)]
        began = monotonic()
        answer = httpx.post(
            f"http://127.0.0.1:{port}/predict", files=[("files", ("a", tile))], timeout=60
        )
        assert answer.status_code == 200 and monotonic() - began < 15
        assert b" 408 " in read(slow[0]) and b" 408 " in read(slow[-1])


@pytest.mark.parametrize("sent", [b"", b"GET / HT", HEAD + b"Content-Length: 9\r\n\r\n1"])
def test_a_connection_without_a_request_ends(port, sent):
    with connected(port, sent) as idle:
        began = monotonic()
        read(idle)
        assert monotonic() - began < 10


def test_connections_beyond_the_most_are_turned_away(port, monkeypatch):
    monkeypatch.setattr(connections, "MOST", 1)
    with connected(port, b""), connected(port, b"") as second:
        found = read(second).lower()
    assert b" 503 " in found and b"retry-after: 5" in found and b"x-frame-options" in found


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"no http\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (
            b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            414,
        ),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: "
            + b"a" * 40_000
            + b"\r\n\r\n",
            431,
        ),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_with_the_headers(port, sent, status):
    with connected(port, sent) as odd:
        found = read(odd).lower()
    assert found.startswith(f"http/1.1 {status} ".encode()) or (
        status in (414, 431) and found.startswith(b"http/1.1 400 ")  # before its end has come
    )
    assert b"x-content-type-options: nosniff" in found and b"content-security-policy" in found

"""16 clients at once over a real socket: all answered, and memory as it was."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from her2bench.core.memory import release_memory
from her2bench.web.app import create_app
from her2bench.web.server import bound_socket, server_of

from .test_decoding import bomb

CLIENTS, UPLOADS = 16, 200


@pytest.fixture
def address(folder, service):
    bound = bound_socket("127.0.0.1", 0)
    server = server_of(create_app(folder, service))
    server.config.lifespan = "off"  # it would close the service, which other tests share
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.mark.slow
def test_200_uploads_from_16_clients_are_all_answered_and_memory_returns(address, tile):
    files = [tile, b"text", bomb(30_000, 30_000), tile[:700]]

    def upload(number: int) -> dict:
        data = files[0] if number % 10 else files[1 + number // 10 % 3]
        form = [("files", (f"{number}.png", data))]
        answer = httpx.post(f"{address}/predict?pictures=true", files=form, timeout=120)
        assert answer.status_code == 200
        return answer.json()["tiles"][0]

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(upload, range(UPLOADS)))  # threads and their arenas are made once
        before = _resident()
        answers = list(pool.map(upload, range(UPLOADS)))
    assert [answer["name"] for answer in answers] == [f"{n}.png" for n in range(UPLOADS)]
    assert sum(answer["error"] is None for answer in answers) == UPLOADS * 9 // 10
    assert httpx.get(f"{address}/healthz").status_code == 200
    if before:
        assert _resident() < before + 50e6


@pytest.mark.slow
def test_a_request_of_200_tiles_is_answered_while_others_ask(address, tile):
    form = [("files", (f"{n}.jpg", tile)) for n in range(200)]
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(httpx.post, f"{address}/predict", files=form, timeout=120)
        for _ in range(5):
            assert httpx.get(f"{address}/healthz", timeout=30).status_code == 200
        answers = large.result().json()["tiles"]
    assert len(answers) == 200 and not any(answer["error"] for answer in answers)


def _resident() -> int:
    """Bytes this process holds in memory; 0 where the system does not say."""
    release_memory()
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text(encoding="utf-8"))
    return int(found[1]) * 1024 if found else 0

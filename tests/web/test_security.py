"""Unknown hosts and pages of other sites are refused; every response has its headers."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from her2bench.web.app import create_app
from her2bench.web.security import LOCAL, Guard
from her2bench.web.served_report import ReportPage
from her2bench.web.server import is_loopback, names_of


def client(hosts=LOCAL, any_address=False) -> TestClient:
    app = FastAPI()
    app.add_middleware(Guard, hosts=hosts, any_address=any_address)
    app.post("/predict")(lambda: {"ok": True})
    app.get("/try")(lambda: {"ok": True})
    return TestClient(app, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:9", "LOCALHOST", "[::1]:8000"])
def test_own_names_are_answered(host):
    assert client().get("/try", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "10.0.0.5"),
        *("localhost@evil.example", "", "localhost:8000:1", "[::1", "127.0.0.1 evil"),
    ],
)
def test_other_names_are_not(host):
    answer = client().get("/try", headers={"host": host})
    assert answer.status_code == 421 and "error" in answer.json()


def test_a_server_open_to_others_answers_to_addresses_and_named_hosts_only():
    open_to_all = client((*LOCAL, "Lab.example".lower()), any_address=True)
    for host, status in (("10.0.0.5:8000", 200), ("lab.example", 200), ("evil.example", 421)):
        assert open_to_all.get("/try", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "cross-site"},
    ],
)
def test_a_write_from_another_site_is_refused(headers):
    assert client().post("/predict", headers=headers).status_code == 403
    assert client().get("/try", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}]
)
def test_a_write_from_our_page_or_from_a_program_is_taken(headers):
    assert client().post("/predict", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/try", "/nowhere", "/openapi.json"])
def test_every_answer_has_the_headers(path):
    answer = client().get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert "access-control-allow-origin" not in answer.headers


def test_refusals_have_the_headers_too():
    answer = client().get("/try", headers={"host": "evil.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_loopback_is_known():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.5", "lab.example")))


def test_a_loopback_server_has_no_other_names():
    assert set(names_of("127.0.0.1")) == set(LOCAL)
    assert len(set(names_of("0.0.0.0"))) > len(LOCAL)


@pytest.mark.parametrize(
    "origin",
    ["http://[", "http://[1]:x/", "http://a b", "http://\xff", "", "x", "http://", "ftp://a"],
)
def test_an_odd_origin_is_refused_in_words(origin):
    answer = client().post("/predict", headers={"origin": origin.encode("latin-1")})
    assert answer.status_code == 403 and "Origin" in answer.json()["error"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_failure_within_is_answered_with_the_headers(folder, monkeypatch):
    def broken(self):
        raise ZeroDivisionError(str(folder.path))

    monkeypatch.setattr(ReportPage, "read", broken)
    app = create_app(folder, None)
    answer = TestClient(app, "http://127.0.0.1", raise_server_exceptions=False).get("/")
    assert answer.status_code == 500 and answer.headers["x-frame-options"] == "DENY"
    assert "error" in answer.json() and str(folder.path) not in answer.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "DELETE", "PUT", "TRACE", "ODD"])
@pytest.mark.parametrize("path", ["/", "/try", "/try/", "/predict", "/healthz", "/static/try.js"])
def test_every_method_is_answered_with_the_headers(folder, method, path):
    answer = TestClient(create_app(folder, None), "http://127.0.0.1").request(method, path)
    reads = method == "HEAD" and path not in ("/predict", "/try/")
    assert answer.status_code == (200 if reads else 404 if path == "/try/" else 405)
    assert answer.headers["x-frame-options"] == "DENY"
    assert "content-security-policy" in answer.headers

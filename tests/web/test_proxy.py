"""Behind a proxy: under a path prefix, under another name, and with clear refusals."""

import re

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.routing import Mount

from her2bench.core.errors import UserError
from her2bench.web.app import create_app
from her2bench.web.prefix import prefix_of
from her2bench.web.server import public_names

BACK = "http://127.0.0.1:8000"
LAB = {"origin": "https://lab.example", "sec-fetch-site": "same-origin"}


class Stripping:
    """A proxy that takes the prefix off the path, as nginx's proxy_pass with a slash does."""

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        path = scope["path"].removeprefix("/her2")
        await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, send)


@pytest.fixture(params=["stripped", "kept", "stripped, with the option", "mounted"])
def proxied(request, folder, service) -> TestClient:
    prefix = "/her2" if request.param in ("kept", "stripped, with the option") else ""
    app = create_app(folder, service, prefix=prefix)
    if request.param == "mounted":
        app = Starlette(routes=[Mount("/her2", app)])
    elif request.param.startswith("stripped"):
        app = Stripping(app)
    return TestClient(app, base_url=BACK)


def test_every_link_of_the_pages_leads_somewhere_under_the_prefix(proxied):
    found = set()
    for path in ("/her2/", "/her2/try"):
        page = proxied.get(path)
        assert page.status_code == 200
        for link in re.findall(r"(?:href|src)=\"([^\"]*)\"", page.text):
            if not link.startswith("data:"):
                found.add(page.url.join(link).path)
    script = proxied.get("/her2/static/try.js").text
    found |= {page.url.join(p).path for p in re.findall(r"fetch\(\"([^\"]*)\"", script)}
    assert found >= {"/her2/", "/her2/try", "/her2/static/try.css", "/her2/predict"}
    assert all(path.startswith("/her2/") for path in found)
    assert {proxied.get(path).status_code for path in found - {"/her2/predict"}} == {200}


def test_tiles_are_answered_under_the_prefix(proxied, tile):
    answer = proxied.post("/her2/predict", files=[("files", ("a.jpg", tile))])
    assert answer.status_code == 200 and answer.json()["tiles"][0]["models"]


def test_the_described_interface_lies_beside_its_description(proxied):
    (server,) = proxied.get("/her2/openapi.json").json()["servers"]
    assert proxied.get("/her2/openapi.json").url.join(server["url"]).path == "/her2/"


def test_the_prefix_alone_leads_to_its_page(folder):
    client = TestClient(create_app(folder, None, prefix="/a/her2"), base_url=BACK)
    answer = client.get("/a/her2", follow_redirects=False)
    assert answer.status_code == 308 and answer.url.join(answer.headers["location"]).path == (
        "/a/her2/"
    )
    assert client.get("/a/her2x/try").status_code == 404 and client.get("/try").status_code == 200


@pytest.mark.parametrize("text", ["her2", "//", "/a b", "/a//b", "/../a", "/.", "/é", "/a?b"])
def test_a_prefix_that_is_none(text):
    if text == "//":
        assert prefix_of(text) == ""
    else:
        with pytest.raises(UserError, match="--root-path"):
            prefix_of(text)


def posted(folder, public, **headers):
    client = TestClient(create_app(folder, None, public=public), base_url=BACK)
    return client.post("/predict", headers=headers)


def test_the_setting_that_a_refusal_names_fixes_it(folder):
    for headers in ({"host": "lab.example", **LAB}, LAB):
        refused = posted(folder, (), **headers)
        assert refused.status_code in (403, 421)
        named = re.findall(r"--allow-host ([^ ;]+)", refused.json()["error"])
        assert named == ["lab.example"]
        assert posted(folder, named, **headers).status_code == 503  # no network: past the guard


def test_another_port_is_another_site_until_it_is_named(folder):
    headers = {"host": "lab.example", "origin": "http://lab.example:8443"}
    refused = posted(folder, ["lab.example"], **headers)
    assert refused.status_code == 403 and "--allow-host lab.example:8443" in refused.json()["error"]
    assert posted(folder, ["lab.example:8443"], **headers).status_code == 503


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-host": "lab.example"},
        {"forwarded": 'for=1.2.3.4;host="lab.example";proto=http'},
    ],
)
def test_the_name_that_a_proxy_forwards_is_named_but_never_believed(folder, headers):
    refused = posted(folder, (), host="upstream", **headers)
    assert refused.status_code == 421
    assert "--allow-host upstream --allow-host lab.example" in refused.json()["error"]
    assert posted(folder, ["lab.example"], host="upstream", **headers).status_code == 421


def test_a_host_header_that_is_missing_is_named(folder):
    refused = posted(folder, (), host="")
    assert refused.status_code == 421 and "no Host header" in refused.json()["error"]


def test_another_site_stays_refused_with_a_public_name(folder):
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "https://lab.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://lab.example.evil.example"},
    ):
        assert posted(folder, ["lab.example"], **headers).status_code == 403


def test_a_name_that_no_host_header_can_hold():
    for name in ("", "a b", "http://lab.example", "lab.example/her2"):
        with pytest.raises(UserError, match="--allow-host"):
            public_names([name])

"""The page in a real headless Chromium: drop a tile, read the answer, see the overlay."""

import base64
import os
import shutil
import threading
from collections.abc import Iterator

import pytest

from her2bench.web.app import create_app
from her2bench.web.server import bound_socket, server_of

from .conftest import tile_path

CHROMIUM = os.environ.get("HER2BENCH_CHROMIUM") or next(
    (p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on the PATH (set HER2BENCH_CHROMIUM to name one)"
    ),
]
HOSTILE = "<img src=x onerror=document.title='hacked'>.jpg"


@pytest.fixture(scope="module")
def address(folder, service) -> Iterator[str]:
    bound = bound_socket("127.0.0.1", 0)
    server = server_of(create_app(folder, service))
    server.config.lifespan = "off"  # it would close the service, which other tests share
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as started:
        # Chromium's own sandbox cannot start under root, as in a container.
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        arguments = ["--no-sandbox"] if root else []
        made = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield made
        made.close()


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def page(browser, address, request):
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=address
    )
    made = context.new_page()
    made.said, made.asked = [], []
    made.on("console", lambda message: made.said.append(message.text))
    made.on("pageerror", lambda error: made.said.append(str(error)))
    made.on("request", lambda asked: made.asked.append(asked.url))
    yield made
    context.close()


def drop(page, *files: tuple[str, bytes]) -> None:
    """Drop files on the field as a hand would, and wait for all answers."""
    from playwright.sync_api import expect

    texts = [[name, base64.b64encode(data).decode()] for name, data in files]
    data = page.evaluate_handle(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                data.items.add(new File([bytes], name));
            }
            return data;
        }""",
        texts,
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    expect(page.locator("#progress")).to_contain_text("classified.", timeout=60_000)


def test_a_dropped_tile_shows_probability_call_and_overlay(page, address, folder, tile):
    page.goto("/try")
    drop(page, ("tile.jpg", tile))
    card = page.locator(".tile")
    assert "agree" in card.locator(".verdict").inner_text()
    captions = card.locator("figcaption").all_inner_texts()
    assert captions[0] == "Tile"
    for caption, model in zip(captions[1:], ("AlexNet", "LeNet"), strict=True):
        assert model in caption and "%" in caption and "threshold" in caption
        assert "positive" in caption or "negative" in caption
    tile_box = card.locator(".picture img").nth(1).bounding_box()
    assert card.locator("img.map").first.bounding_box() == tile_box
    assert tile_box["width"] > 100
    painted = card.locator("img.map").evaluate_all(
        """(maps) => maps.map((map) => {
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [map.naturalWidth, map.naturalHeight];
            const pen = canvas.getContext("2d");
            pen.drawImage(map, 0, 0);
            const alpha = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            return Math.max(...alpha.filter((_, i) => i % 4 === 3));
        })"""
    )
    assert len(painted) == 2 and all(alpha > 100 for alpha in painted)
    assert page.said == []
    assert all(url.startswith((address, "data:")) for url in page.asked)


def test_nothing_is_cut_off_and_the_warning_stands_on_every_page(page, tile):
    page.goto("/try")
    assert page.get_by_text("Research use only").is_visible()
    assert page.get_by_text("2+ is equivocal").first.is_visible()
    drop(page, ("a" * 150 + ".jpg", tile))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_bad_files_say_why_and_the_page_goes_on(page, tile):
    page.goto("/try")
    drop(page, ("notes.png", b"just text"), ("cut.jpg", tile[:900]), ("good.jpg", tile))
    texts = page.locator(".tile").all_inner_texts()
    assert "content is text" in texts[0] and "cut off" in texts[1] and "agree" in texts[2]
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".tile").count() == 0
    assert page.said == []


def test_a_hostile_name_stays_text(page, tile):
    page.goto("/try")
    drop(page, (HOSTILE, tile))
    assert HOSTILE in page.locator(".tile h2").inner_text()
    assert page.title() != "hacked" and page.locator("img[src=x]").count() == 0


def test_the_report_runs_its_own_script_only_and_cannot_ask_the_server(page):
    page.goto("/")
    assert page.title() == "own script ran"
    asked = page.evaluate(
        "fetch('/predict', {method: 'POST'}).then(() => 'answered', () => 'refused')"
    )
    assert asked == "refused"
    page.get_by_role("link", name="Classify tiles").click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Classify tiles")


def test_another_site_cannot_post_a_form_here(browser, address, tmp_path):
    page = browser.new_page()
    page.set_content(
        f"<form method=post action='{address}/predict' enctype='multipart/form-data'>"
        "<input name=files><button>send</button></form>"
    )
    with page.expect_response("**/predict") as response:
        page.click("button")
    assert response.value.status == 403
    page.close()


def test_more_files_than_allowed_are_said_to_be_left_out(page, folder):
    page.goto("/try")
    small = tile_path(folder).read_bytes()[:10]
    drop(page, *[(f"{n}.png", small) for n in range(203)])
    assert page.locator(".tile").count() == 200
    assert "3 left out" in page.locator("#progress").inner_text()

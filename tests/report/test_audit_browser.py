"""audit.html in a real browser: offline, on a phone, in the dark, in print, for everyone."""

import pytest

from her2bench.report.pages.audit_page import write_audit_page
from her2bench.report.sections.audit_view import pictured
from tests.report.audits import made_up, pictures_of, tiles_of
from tests.report.browser import axe_source, chromium
from tests.report.test_browser import CUT_OFF, SCREENS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def audit_page(tmp_path_factory):
    audit = made_up("a_slide_with_a_name_that_is_long_and_has_no_blanks_")
    tiles = tiles_of(audit, "a_slide_with_a_name_that_is_long_and_has_no_blanks_")
    pictures = pictures_of(pictured(audit, tiles))
    return write_audit_page(audit, tiles, pictures, tmp_path_factory.mktemp("audit") / "audit.html")


def test_it_opens_from_a_file_without_a_word_or_a_request(browser, audit_page):
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(audit_page.as_uri())
    page.wait_for_load_state("networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [audit_page.as_uri()]
    page.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_cut_off(browser, audit_page, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(audit_page.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CUT_OFF) == []
    page.close()


def test_neighbours_touch_at_the_seam_and_keep_their_shape(browser, audit_page):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(audit_page.as_uri())
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('.joined')].map(j => [...j.querySelectorAll('img')]
        .map(i => { const r = i.getBoundingClientRect();
          return [r.left, r.top, r.width, r.height]; }))"""
    )
    (first, second), (upper, lower) = boxes
    assert abs(first[0] + first[2] - second[0]) < 0.5 and abs(first[1] - second[1]) < 0.5
    assert abs(first[2] - first[3]) < 1
    assert abs(lower[1] - upper[1] - 0.75 * upper[3]) < 1
    assert abs(upper[0] - lower[0] - 0.2 * upper[2]) < 1
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser, audit_page, scheme, tmp_path_factory):
    source = axe_source(tmp_path_factory.mktemp("axe"))
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page.goto(audit_page.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.evaluate(source)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    grave = [
        (v["id"], v["impact"], [node["html"][:160] for node in v["nodes"][:3]])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []
    page.close()


def test_print_breaks_no_set_of_tiles(browser, audit_page):
    page = browser.new_page(viewport={"width": 703, "height": 1010})
    page.goto(audit_page.as_uri())
    page.emulate_media(media="print")
    sets = page.evaluate(
        """() => [...document.querySelectorAll('.set, .strip, .seen')].map(e =>
        [getComputedStyle(e).breakInside, e.getBoundingClientRect().height])"""
    )
    assert len(sets) > 12
    assert all(rule == "avoid" and height < 1000 for rule, height in sets)
    page.close()

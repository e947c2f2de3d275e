"""The report in a real browser: offline, at rest and in use, on a phone, in the dark, in print."""

import re
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from her2bench.core.runs import ComparisonFolder
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings, ThresholdRule
from her2bench.evaluation.statistics.predictive_values import npv_at, ppv_at
from her2bench.report.pages.report_page import write_report
from tests.report.browser import CUT_OFF, OUTSIDE_FIGURE, OVERLAPS, axe_source, chromium

pytestmark = pytest.mark.slow

SCREENS = list(product((1280, 390, 320), ("light", "dark")))


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def report(comparison: ComparisonFolder) -> Path:
    return write_report(comparison)


@pytest.fixture
def page(browser, report: Path):
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.goto(report.as_uri())
    yield opened
    opened.close()


def test_it_opens_from_a_file_without_a_word_or_a_request(browser, report: Path) -> None:
    page = browser.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    page.close()


def test_a_script_that_is_not_the_page_s_own_is_refused(page) -> None:
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate(
        """() => { const s = document.createElement('script'); s.textContent = 'window.hit = 1';
        document.body.append(s); document.body.insertAdjacentHTML('beforeend',
        '<img src="data:image/png;base64,x" onerror="window.hit = 1">'); }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert any("Content Security Policy" in text for text in said)


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_cut_off_or_overlaps(browser, report: Path, width: int, scheme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for question in (CUT_OFF, OVERLAPS, OUTSIDE_FIGURE):
        assert page.evaluate(question) == []
    page.close()


def test_dark_mode_is_dark_in_the_figures_too(browser, report: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        colours[scheme] = page.evaluate(
            """() => [getComputedStyle(document.body).backgroundColor,
            ...['text', 'path'].map(name => getComputedStyle(
              document.querySelector(`#figure-differences ${name}`)).fill)]"""
        )
        page.close()
    brightness = {
        scheme: [sum(map(int, re.findall(r"\d+", c)[:3])) for c in found]
        for scheme, found in colours.items()
    }
    ground, ink, paper = range(3)
    assert brightness["light"][ground] > 600 > 150 > brightness["dark"][ground]
    assert brightness["light"][ink] < 350 < 500 < brightness["dark"][ink]
    assert brightness["light"][paper] > 600 > 150 > brightness["dark"][paper]


def shown_at(page, model: int, metric: str) -> tuple[str, str]:
    cell = page.locator(f'[data-model="{model}"] [data-metric="{metric}"]')
    return cell.locator(".value").inner_text(), cell.locator(".interval").inner_text()


def move(page, slider: str, value: int) -> None:
    page.evaluate(
        """([id, value]) => { const s = document.getElementById(id); s.value = value;
        s.dispatchEvent(new Event('input', { bubbles: true })); }""",
        [slider, value],
    )


def rows_at(comparison: ComparisonFolder, probability: float) -> dict:
    rule = ThresholdRule(kind="fixed", probability=probability)
    table = pl.read_parquet(comparison.predictions)
    scores = score_predictions(table, ScoreSettings(threshold=rule, bootstrap=0))
    return {(row.model, row.metric): row for row in scores.rows if row.split == "test"}


@pytest.mark.parametrize("percent", [7, 50, 81, 99])
def test_the_threshold_gives_what_evaluation_computes(page, comparison, percent: int) -> None:
    move(page, "threshold", percent - 1)
    rows = rows_at(comparison, percent / 100)
    models = ("lenet", "alexnet", "always_positive", "dab_baseline")
    for place, model in enumerate(models):
        for metric in ("sensitivity", "specificity", "ppv", "npv"):
            row = rows[model, metric]
            value = "undefined" if row.value is None else f"{row.value:.3f}"
            assert shown_at(page, place, metric)[0] == value
            if row.low is not None:
                assert shown_at(page, place, metric)[1] == f"{row.low:.3f} to {row.high:.3f}"
    cells = page.locator('[data-model="0"] [data-cell]').all_inner_texts()
    assert sum(map(float, cells)) == 144


def test_the_prevalence_follows_bayes_for_each_seed(page, comparison) -> None:
    page.locator("#threshold").focus()
    move(page, "threshold", 59)
    move(page, "prevalence", 10)
    table = pl.read_parquet(comparison.predictions).filter(
        (pl.col("split") == "test") & (pl.col("model") == "lenet")
    )
    worth = []
    for seed in (0, 1):
        mine = table.filter(pl.col("seed") == seed)
        call, truth = mine["probability"] > 0.6, mine["target"] == 1
        sens, spec = call.filter(truth).mean(), (~call).filter(~truth).mean()
        worth.append((ppv_at(sens, spec, 0.1), npv_at(sens, spec, 0.1)))
    for metric, values in zip(("ppv", "npv"), zip(*worth, strict=True), strict=True):
        value, interval = shown_at(page, 0, metric)
        assert float(value) == pytest.approx(sum(values) / 2, abs=5.1e-4)
        low, high = map(float, interval.split(" to "))
        assert low <= float(value) <= high


def test_the_buttons_bring_the_first_numbers_back(page) -> None:
    before = page.locator(".points").inner_text()
    page.locator("#threshold").focus()
    page.keyboard.press("ArrowRight")
    page.locator("#prevalence").focus()
    page.keyboard.press("Home")
    assert page.locator(".points").inner_text() != before
    assert "all models" in page.locator("#threshold-now").inner_text()
    assert page.locator("#prevalence-now").inner_text() == "1%"
    page.click("#threshold-reset")
    page.click("#prevalence-reset")
    assert page.locator(".points").inner_text() == before


def test_a_table_can_be_copied_out(browser, report: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(report.as_uri())
    page.click('button[data-table="results"]')
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    lines = [line.split("\t") for line in copied.splitlines()]
    assert lines[0][:2] == ["Model", "ROC-AUC"]
    assert len({len(line) for line in lines}) == 1
    assert re.fullmatch(r"0\.\d{3} 0\.\d\d to \d\.\d\d", lines[1][1])
    context.close()


def test_every_table_has_a_copy_button(page) -> None:
    tables = page.locator("table:not(.confusion)")
    assert tables.count() == page.locator("button.copy[data-table]").count() > 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser, report, scheme, tmp_path_factory) -> None:
    source = axe_source(tmp_path_factory.mktemp("axe"))
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    page.goto(report.as_uri())
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


def test_print_breaks_no_figure(page) -> None:
    """Every figure fits a page of A4 less its margins, and may not be broken over two."""
    page.set_viewport_size({"width": 703, "height": 1010})  # A4 less margins, at 96 dpi
    page.emulate_media(media="print")
    figures = page.evaluate(
        """() => [...document.querySelectorAll('figure, .tile, .point')].map(e =>
        [getComputedStyle(e).breakInside, e.getBoundingClientRect().height])"""
    )
    assert len(figures) > 12
    assert all(rule == "avoid" and height < 1000 for rule, height in figures)
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    paper = page.pdf(prefer_css_page_size=True)
    assert 3 < len(re.findall(rb"/Type\s*/Page\b", paper)) <= 12


def test_bars_that_are_compared_have_one_scale(page) -> None:
    widths = page.evaluate(
        """() => [...document.querySelectorAll('#by-slide tbody tr:first-child .share')]
        .map(e => Math.round(e.getBoundingClientRect().width))"""
    )
    assert len(widths) == 4 and max(widths) - min(widths) <= 1


def test_verdicts_have_room_for_their_names(page) -> None:
    names = page.locator(".verdicts .models")
    assert names.first.evaluate("e => getComputedStyle(e).display") != "grid"
    assert names.first.bounding_box()["width"] > 200


def test_the_methods_paragraph_can_be_copied(browser, report: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(report.as_uri())
    page.click('button[data-text="methods-text"]')
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("Classifiers were compared")
    context.close()

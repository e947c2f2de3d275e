"""The report as a file: complete, self-contained, escaped, and explicit about what is missing."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from tests.report.conftest import make_comparison
from typer.testing import CliRunner

from her2bench.cli.main import app
from her2bench.core.errors import UserError
from her2bench.core.runs import ComparisonFolder, opened_comparison
from her2bench.core.scores import read_scores, write_scores
from her2bench.report.pages.report_page import write_report

SECTIONS = [
    "answer",
    "differences",
    "curves",
    "operating",
    "failures",
    "audit",
    "methods",
    "glossary",
]


@pytest.fixture(scope="module")
def page(comparison: ComparisonFolder) -> str:
    return write_report(comparison).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader sees, one space between words."""

    class Reader(HTMLParser):
        words: list[str] = []  # noqa: RUF012
        skip = False

        def handle_starttag(self, tag, attrs):
            self.skip = tag in ("script", "style")

        def handle_endtag(self, tag):
            self.skip = False

        def handle_data(self, data):
            if not self.skip:
                self.words.append(data)

    reader = Reader()
    reader.words = []
    reader.feed(page)
    return " ".join(" ".join(reader.words).split())


def test_the_sections_stand_in_order(page: str) -> None:
    assert re.findall(r'<section id="(\w+)"', page) == SECTIONS


def test_nothing_outside_the_file_is_named(page: str) -> None:
    assert not re.findall(r"https?:|//[a-z]+\.|@import|url\((?!#)", page)
    assert re.findall(r"<(?:link|iframe|object|base)\b|<script[^>]+src=", page) == []
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)"', page))


def test_every_number_of_the_table_has_its_interval(page: str) -> None:
    table = page[page.index('<table id="results"') :]
    table = table[: table.index("</table>")]
    values = re.findall(r'<span class="value">', table)
    assert len(values) > 20
    assert len(values) == len(
        re.findall(r'<span class="interval">[^<]*\bto\b|>no interval<', table)
    )


def test_the_verdict_does_not_call_a_draw_a_win(page: str) -> None:
    seen = text_of(page)
    assert "No model is shown to be better than another on ROC-AUC." in seen
    assert "Shown to beat “always positive”: LeNet, AlexNet." in seen
    assert "Not shown to beat the DAB baseline: LeNet, AlexNet." in seen
    assert "Research use only; 2+ is equivocal." in seen


def test_figures_come_as_svg_png_pdf_and_csv(comparison: ComparisonFolder, page: str) -> None:
    drawn = set(re.findall(r'<figure id="figure-([\w-]+)"', page))
    assert {"differences", "roc", "precision-recall", "loss", "reliability-dab_baseline"} <= drawn
    for name in drawn:
        for ending in ("svg", "png", "pdf", "csv"):
            assert f'href="figures/{name}.{ending}"' in page
            assert (comparison.figures / f"{name}.{ending}").stat().st_size > 50, name
    assert [path.name for path in sorted(comparison.figures.glob("loss*"))] == [
        *("loss.csv", "loss.pdf", "loss.png", "loss.svg")
    ]
    forest = pl.read_csv(comparison.figures / "differences.csv")
    assert forest["difference"].to_list()[0] == 0.01


def test_a_figure_s_pdf_bears_no_date(comparison: ComparisonFolder, page: str) -> None:
    for path in comparison.figures.glob("*.pdf"):
        assert b"CreationDate" not in path.read_bytes(), path.name


def test_unadjusted_p_stands_beside_adjusted_p(page: str) -> None:
    assert "p = 0.700, adjusted p = 1.000" in text_of(page).replace("\u00a0", " ")
    assert '<th scope="col">p, unadjusted</th><th scope="col">Adjusted p (Holm)</th>' in page


def test_no_pair_of_baselines_is_shown(page: str) -> None:
    assert "Always positive − DAB baseline" not in text_of(page)


def test_a_confusion_matrix_has_counts_and_shares_and_says_of_what(page: str) -> None:
    first = page[page.index('<table class="confusion">') :].split("</table>")[0]
    assert "Tiles, mean of 2 seeds" in first
    counts = [float(n) for n in re.findall(r'data-cell="\d">([\d.]+)<', first)]
    shares = [int(n) for n in re.findall(r'data-part="\d">(\d+)%<', first)]
    assert len(counts) == len(shares) == 4 and sum(counts) == 144
    for row in (slice(0, 2), slice(2, 4)):
        assert sum(counts[row]) == 72 and 99 <= sum(shares[row]) <= 101
        assert [round(100 * n / 72) for n in counts[row]] == pytest.approx(shares[row], abs=1)


def test_ids_are_unique(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_every_number_of_a_run_is_shown_and_the_tile_without_picture_is_named(page: str) -> None:
    assert page.count("No picture kept") >= 1
    assert page.count('class="map"') > 4


@pytest.mark.slow
def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = '<script>alert(1)<script>" onclick="alert(2)'
    folder = make_comparison(
        tmp_path / "c", models=(evil, "a'&$x_1$"), prefix="</script><img src=x onerror=alert(1)>"
    )
    page = write_report(folder).read_text(encoding="utf-8")
    assert page.count("<script") == 2  # the data and the page's own
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page
    card = (folder.path / "runs" / "a'&$x_1$" / "card.md").read_text(encoding="utf-8")
    assert "<script" not in card


@pytest.mark.slow
def test_an_unfinished_comparison_says_what_is_missing(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c")
    (folder.run("lenet", 1, 0).path / "DONE").unlink()
    for path in (folder.predictions, folder.scores):
        path.unlink()
    seen = text_of(write_report(folder).read_text(encoding="utf-8"))
    assert "Comparison unfinished: 1 run(s) missing" in seen
    assert "Runs not finished, by model: LeNet (1)." in seen
    assert "AlexNet" in seen and "Results on test tiles" in seen


def test_a_comparison_that_has_only_begun(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", gallery=False)
    shutil.rmtree(folder.path / "runs")
    for path in (folder.predictions, folder.scores, folder.manifest, folder.splits):
        path.unlink()
    seen = text_of(write_report(folder).read_text(encoding="utf-8"))
    assert "No results yet: no run is finished." in seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"models": ("lenet",), "seeds": (0,)}, "One model only"),
        ({"grouped": False}, "Slides unknown"),
        ({"one_class": True}, "One class only"),
        ({"splits": ("train", "val")}, "No test set: validation tiles are shown"),
        ({"kind": "random-tiles"}, "Random tile split: every figure is optimistic"),
        ({"slides": 4}, "Few slides"),
        ({"gallery": False}, "No pictures are kept in this folder"),
    ],
)
def test_the_report_says_what_it_lacks(tmp_path: Path, changes: dict, expected: str) -> None:
    folder = make_comparison(tmp_path / "c", **changes)
    if changes.get("one_class"):
        write_scores(replace(read_scores(folder.scores), pairs=()), folder.scores)
    assert expected in text_of(write_report(folder).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_thousands_of_slides_do_not_fill_the_page(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", slides=1200, tiles=1, splits=("val", "test"))
    page = write_report(folder)
    assert page.stat().st_size < 3_000_000
    assert "30 of 1200; all in figures/slides.csv" in text_of(page.read_text(encoding="utf-8"))
    assert pl.read_csv(folder.figures / "slides.csv").height == 1200


def test_a_folder_that_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no comparison"):
        opened_comparison(tmp_path)


@pytest.mark.slow
def test_the_command_builds_the_same_report_twice(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", seeds=(0,), slides=12)
    first = CliRunner().invoke(app, ["report", str(folder.path)])
    assert first.exit_code == 0 and str(folder.report) in first.output
    page = folder.report.read_bytes()
    CliRunner().invoke(app, ["report", str(folder.path)])
    assert folder.report.read_bytes() == page


@pytest.mark.slow
def test_a_win_on_optimistic_figures_is_qualified_in_the_headline(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", kind="random-tiles", seeds=(0,), gallery=False)
    scores = read_scores(folder.scores)
    first, *others = scores.pairs
    pairs = (replace(first, decision="a"), *others)
    write_scores(replace(scores, pairs=pairs), folder.scores)
    seen = text_of(write_report(folder).read_text(encoding="utf-8"))
    assert "▲ Not for new slides: These trained weights of LeNet (one seed) are better" in seen
    assert seen.count("▲ optimistic") >= 4  # every row of the table


def test_the_model_card_says_what_it_is_not_for(comparison: ComparisonFolder, page: str) -> None:
    card = (comparison.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    for heading in ("Intended use", "Not intended", "Data", "Metrics", "Limits", "Licence"):
        assert f"## {heading}" in card
    assert "Not for diagnosis" in card
    assert re.search(r"\| ROC-AUC \| 0\.\d{3} \(0\.\d{3} to [01]\.\d{3}\) \|", card)
    assert not (comparison.path / "runs" / "dab_baseline" / "card.md").exists()


@pytest.mark.slow
def test_intervals_are_named_by_the_confidence_they_have(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", seeds=(0,), slides=12, gallery=False)
    scores = read_scores(folder.scores)
    settings = scores.settings | {"confidence": 0.9}
    write_scores(replace(scores, settings=settings), folder.scores)
    page = write_report(folder).read_text(encoding="utf-8")
    card = (folder.path / "runs" / "lenet" / "card.md").read_text(encoding="utf-8")
    assert "| Value (90% interval) |" in card and "95%" not in card
    # The bands of curves and the whiskers of boxes are drawn at 95% whatever the confidence is.
    named = re.sub(r"[Bb]ands contain 95%|whiskers 5% to 95%", "", page)
    assert re.findall(r".{20}\b95(?:%| of 100).{20}", named) == []
    assert page.count("90% interval") > 5 and 'of models, with 90% intervals"' in page

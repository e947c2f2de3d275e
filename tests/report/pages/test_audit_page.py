"""audit.html and the report's section: every finding, worst first, escaped, with its pictures."""

import re
from pathlib import Path

import polars as pl
import pytest
from tests.report.audits import TEXT, made_up, pictures_of, tiles_of
from tests.report.conftest import JPEG, make_comparison
from tests.report.pages.test_report_page import text_of

from her2bench.core.audit_findings import Audit, Finding, LeftOut, write_audit
from her2bench.core.runs import ComparisonFolder
from her2bench.report.gallery_files import write_audit_pictures
from her2bench.report.pages.audit_page import write_audit_page
from her2bench.report.pages.report_page import write_report
from her2bench.report.sections.audit_view import pictured, shown_findings


def page_of(audit: Audit, tiles: pl.DataFrame, folder: Path) -> str:
    pictures = pictures_of(pictured(audit, tiles))
    path = write_audit_page(audit, tiles, pictures, folder / "audit.html")
    return path.read_text(encoding="utf-8")


def test_every_finding_with_its_effect_and_hint_worst_first(tmp_path):
    audit = made_up()
    page = page_of(audit, tiles_of(audit), tmp_path)
    severities = re.findall(r'<article class="finding (\w+)"', page)
    assert severities == ["serious", "warning", "warning", "note", "note"]
    seen = text_of(page)
    assert "Found: 1 serious finding, 2 warnings, 2 notes." in seen
    places = [seen.rindex(finding.title) for finding in audit.findings]
    assert places == sorted(places)
    assert seen.count(TEXT["effect"]) == seen.count(TEXT["hint"]) == 5
    assert "Checked, nothing found: shortcuts, labels." in seen
    assert "sides: there is no split yet" in seen
    assert "ROC-AUC: DAB 0.812" in seen and "Slides needed 312" in seen and "Limit unknown" in seen


def test_what_is_not_pictured_is_counted_and_named(tmp_path):
    audit = made_up()
    seen = text_of(page_of(audit, tiles_of(audit), tmp_path))
    for words in ("and 3 more sets of tiles", "and 18 more tiles", "and 1 more slide"):
        assert words in seen
    assert "All tiles by name (30)" in seen and "s08-t0 + s09-t1" in seen
    assert "All tiles by name (18)" in seen  # of 9 pairs of neighbouring slides
    assert seen.count("no picture") == 1
    assert "slide s00 · train" in seen


def test_pictures_asked_for_are_those_shown():
    audit = made_up()
    tiles = tiles_of(audit)
    wanted = pictured(audit, tiles)
    shown = shown_findings(audit, tiles, dict.fromkeys(wanted, JPEG))
    sets = [part for finding in shown for part in finding.sets]
    strips = [strip for finding in shown for strip in finding.strips]
    every = [tile for part in (*sets, *strips) for tile in part.tiles]
    assert {tile.tile_id for tile in every} == set(wanted)
    assert all(tile.picture for tile in every)
    assert len(wanted) == len(set(wanted)) < len(every)


def test_neighbours_are_joined_where_they_lie():
    audit = made_up()
    shown = shown_findings(audit, tiles_of(audit), {})
    (neighbours,) = [each for each in shown if each.finding.kind == "neighbours"]
    beside, below = neighbours.sets
    assert beside.shape == 2
    assert [(t.left, t.top, t.width, t.height) for t in beside.tiles] == [
        *((0, 0, 50, 100), (50, 0, 50, 100)),
    ]
    first, second = below.tiles
    assert below.shape is not None and abs(below.shape - 1.2 / 1.75) < 1e-9
    assert first.left is not None and abs(first.left - 100 / 6) < 1e-9 and second.left == 0
    assert second.top is not None and abs(second.top + (second.height or 0) - 100) < 1e-9


def test_a_clean_audit_says_so_and_no_more_than_that(tmp_path):
    audit = Audit(manifest="m.csv", endpoint="2+", tiles=4, clean=("labels",))
    seen = text_of(page_of(audit, tiles_of(made_up()), tmp_path))
    assert "Found: nothing." in seen and "That does not prove that there is none." in seen


def test_where_hardly_a_tile_can_be_read_nothing_is_called_clean(tmp_path):
    few = LeftOut(check="shortcuts", kind="too_few_tiles", text="reworded")
    audit = Audit(manifest="m.csv", endpoint="2+", tiles=1, left_out=(few,))
    seen = text_of(page_of(audit, tiles_of(made_up()), tmp_path))
    assert "1 tile, target" in seen and "Found: nothing, because too few tiles can be read." in seen
    assert "Too few tiles to check" in seen and "Nothing found" not in seen


def test_one_large_set_is_named_in_full(tmp_path):
    copies = tuple(f"c{i}" for i in range(61))
    few = {"kind": "duplicates", "severity": "warning", "number": 1}
    finding = Finding(title="1 picture", tiles=(copies,), **few, **TEXT)
    audit = Audit(manifest="m.csv", endpoint="2+", tiles=61, findings=(finding,))
    seen = text_of(page_of(audit, tiles_of(made_up()), tmp_path))
    assert "and 57 more of the same" in seen and "All tiles by name (61)" in seen
    assert " + ".join(copies) in seen


def test_hostile_names_stay_text(tmp_path):
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    audit = made_up(evil)
    page = page_of(audit, tiles_of(audit, evil), tmp_path)
    assert page.count("<script") == 1
    assert "<img src=x" not in page and "&lt;script&gt;alert(1)" in page
    assert not re.findall(r"https?:|//[a-z]+\.|@import|url\((?!#)", page)


def audited(folder: ComparisonFolder) -> ComparisonFolder:
    manifest = pl.read_parquet(folder.manifest)
    ids = manifest["tile_id"].to_list()
    leak = Finding(
        kind="k", severity="serious", title="7 <b>leaks</b>", number=7, tiles=((ids[0],),), **TEXT
    )
    note = Finding(kind="n", severity="note", title="A small thing.", number=1, **TEXT)
    audit = Audit(manifest="m", endpoint="2+", tiles=len(ids), findings=(leak, note))
    write_audit_pictures(folder, [ids[0]], {ids[0]: JPEG})
    write_audit(audit, folder.audit)
    return folder


@pytest.mark.slow
def test_the_report_shows_the_findings_and_warns_of_the_serious_ones_first(tmp_path):
    folder = audited(make_comparison(tmp_path / "c"))
    page = write_report(folder).read_text(encoding="utf-8")
    seen = text_of(page)
    answer, section = (
        seen[: seen.index("2 Differences")],
        seen[seen.rindex("6 Data quality checks") :],
    )
    assert "7 <b>leaks</b>. What to do: see section 6." in answer
    assert "A small thing." not in answer
    assert section.index("7 <b>leaks</b>") < section.index("A small thing.")
    assert "<b>leaks" not in page
    article = page[page.index('<article class="finding serious"') :]
    assert "data:image/jpeg" in article[: article.index("</article>")]


@pytest.mark.slow
def test_a_report_without_an_audit_says_so(tmp_path):
    folder = make_comparison(tmp_path / "c", gallery=False)
    seen = text_of(write_report(folder).read_text(encoding="utf-8"))
    assert "These tiles were not audited." in seen

"""`her2bench audit` from the outside: files, words, exit codes, without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from her2bench.cli.audit_text import print_audit
from her2bench.core.audit_findings import Audit, Finding, read_audit
from her2bench.core.manifest import read_manifest
from her2bench.phantom import PhantomSettings, write_phantom

SOURCES = Path(__file__).parents[2] / "src"
# The command, and an outcry if it has loaded torch.
CODE = """
import sys
from her2bench.cli.main import main
try:
    main()
finally:
    assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "tiles"
    write_phantom(folder, PhantomSettings(slides=12, tiles_per_slide=5, size=128), workers=1)
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run `her2bench audit` in a folder of its own; returns the process and the folder."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", CODE, "audit", *map(str, arguments), "--cache", str(cache)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )

    return run


@pytest.mark.slow
def test_it_leaves_findings_and_a_page_and_tells_them(phantom, run, tmp_path):
    done = run(phantom, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    audit = read_audit(tmp_path / "manifest-audit" / "audit.json")
    assert audit.tiles == 60
    assert done.stdout.splitlines()[-1] == f"page: {Path('manifest-audit/audit.html')}"
    assert "\x1b" not in done.stdout and done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"manifest-audit"}  # nothing in out/


@pytest.mark.slow
def test_json_on_the_screen_is_the_file(phantom, run, tmp_path):
    done = run(phantom, "-o", "here", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "here" / "audit.json").read_text())


@pytest.mark.slow
def test_tiles_that_cannot_be_read_are_a_finding(phantom, run, tmp_path):
    table = pl.read_csv(phantom)
    table = table.with_columns(path=str(phantom.parent) + "/" + pl.col("path"))
    (tmp_path / "text.jpg").write_text("no image")
    paths = ["text.jpg", "gone.jpg", *table["path"][2:]]
    table.with_columns(path=pl.Series(paths)).write_csv(tmp_path / "m.csv")
    done = run("m.csv", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    named = [f for f in json.loads(done.stdout)["findings"] if "cannot be read" in f["title"]]
    assert len(named) == 1 and named[0]["number"] == 2
    assert {tile for part in named[0]["tiles"] for tile in part} == set(table["tile_id"][:2])


@pytest.mark.slow
def test_nothing_readable_is_still_an_audit(run, tmp_path):
    rows = [{"tile_id": f"t{i}", "path": f"{i}.png", "score": i % 4} for i in range(6)]
    pl.DataFrame(rows).write_csv(tmp_path / "m.csv")
    done = run("m.csv", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["findings"][0]["number"] == 6
    assert "shortcuts" in {each["check"] for each in printed["left_out"]}


@pytest.mark.slow
def test_one_tile_is_too_few_to_call_anything_clean(phantom, run, tmp_path):
    table = pl.read_csv(phantom)[:1]
    table = table.with_columns(path=str(phantom.parent) + "/" + pl.col("path"))
    table.write_csv(tmp_path / "m.csv")
    done = run("m.csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 tile: too few can be read")
    assert "Nothing found" not in done.stdout + (tmp_path / "m-audit/audit.html").read_text()


def test_many_copies_are_not_all_named(capsys):
    copies = tuple(f"c{i}" for i in range(61))
    pairs = tuple((f"a{i}", f"b{i}") for i in range(4))
    few = {"severity": "warning", "number": 1, "unit": "u", "title": "t", "effect": "", "hint": ""}
    found = [Finding(kind="k", tiles=tiles, **few) for tiles in ((copies,), pairs)]
    audit = Audit(manifest="m.csv", endpoint="2+", tiles=69, findings=tuple(found))
    print_audit(audit, Path("page.html"), details=True)
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "Tiles: c0 + c1 + c2 and 58 more" in printed
    assert "Tiles: a0 + b0, a1 + b1, a2 + b2 and 1 more set" in printed


def test_serious_findings_are_named_and_the_rest_counted(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    long = "that is longer than one line of a terminal, in which nothing may be cut off"
    few = {"number": 1, "unit": "u", "effect": "An effect.", "hint": "A hint."}
    found = [
        Finding(kind="k", severity=severity, title=f"A {severity} one {long}", **few)
        for severity in ("serious", "warning", "note", "note")
    ]
    audit = Audit(manifest="m.csv", endpoint="2+", tiles=69, findings=tuple(found))
    print_audit(audit, Path("page.html"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("SERIOUS A serious one") and max(map(len, lines)) <= 80
    flat = " ".join(lines)
    assert "off 69 tiles: 1 serious finding, 1 warning, 2 notes. All with effect" in flat
    assert not any(text in flat for text in ("A warning", "A note", "An effect", "A hint"))
    print_audit(audit, Path("page.html"), details=True)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and " ".join(lines).count("Hint: A hint.") == 4
    flat = " ".join(" ".join(lines).split())
    places = [flat.index(finding.title) for finding in found]
    assert places == sorted(places)


@pytest.mark.slow
def test_estimated_slides_come_as_a_manifest_for_compare(phantom, run, tmp_path):
    table = pl.read_csv(phantom)
    table = table.with_columns(path=str(phantom.parent) + "/" + pl.col("path"))
    table.drop("group_id").write_csv(tmp_path / "m.csv")
    done = run("m.csv", "--infer-groups", "sub/with.csv", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"manifest with the estimated slides: {Path('sub/with.csv')}" in done.stdout
    guessed = read_manifest(tmp_path / "sub" / "with.csv")
    assert guessed["tile_id"].to_list() == table["tile_id"].to_list()
    assert 1 < guessed["group_id"].n_unique() < 60
    assert guessed["group_confidence"].cast(pl.Float64).is_between(0, 1).all()
    assert all(Path(path).is_file() for path in guessed["path"])


def test_the_clean_manifest_never_replaces_the_manifest(phantom, run, tmp_path):
    other = phantom.with_name("other-dropped.csv")
    other.write_bytes(phantom.read_bytes())
    for manifest, clean in ((phantom, phantom), (other, phantom.with_name("other.csv"))):
        done = run(manifest, "--write-clean", clean, folder=tmp_path)
        assert done.returncode == 2 and "--write-clean would write over" in done.stderr
    assert other.read_bytes() == phantom.read_bytes()

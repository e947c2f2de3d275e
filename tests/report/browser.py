"""A real browser for the tests: the installed Chromium, driven by Playwright, and axe-core."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

AXE = "axe-core@4.11.0"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")

# Elements that reach out of the window or whose content is wider than themselves. What lies in
# a scrolling region may be wider: there it can be scrolled to.
CUT_OFF = """() => [...document.querySelectorAll('body *')]
  .filter(e => !e.closest('.scroll, svg, .hidden, script, style') || e.matches('.scroll'))
  .filter(e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.width && (r.right > innerWidth + 1 || r.left < -1 ||
      (s.display !== 'inline' && s.overflowX === 'visible' &&
        e.scrollWidth > e.clientWidth + 1)); })
  .map(e => `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 40)}`)"""

# Pairs of texts in one figure whose boxes overlap by more than a rim.
OVERLAPS = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(
    t => [t.textContent, t.getBoundingClientRect()]);
  return texts.flatMap(([a, p], i) => texts.slice(i + 1).filter(([b, q]) =>
    Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2 &&
    Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 0.45 * Math.min(p.height, q.height))
    .map(([b]) => `${svg.getAttribute('aria-label')}: ${a} | ${b}`)); })"""

OUTSIDE_FIGURE = """() => [...document.querySelectorAll('figure svg')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(t => { const r = t.getBoundingClientRect();
    return r.left < box.left - 2 || r.right > box.right + 2 || r.bottom > box.bottom + 2; })
    .map(t => `${svg.getAttribute('aria-label')}: ${t.textContent}`); })"""


def chromium_path() -> str:
    """Where Chromium is; skips the test where there is none. HER2BENCH_CHROMIUM overrides."""
    named = os.environ.get("HER2BENCH_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        pytest.skip("no Chromium on the PATH (set HER2BENCH_CHROMIUM to name one)")
    return found


@contextmanager
def chromium() -> Iterator:
    """A headless browser."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium_path()
    with playwright.sync_playwright() as p:
        # A container's root has no sandbox to use; the pages opened here are our own.
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def axe_source(folder: Path) -> str:
    """The text of axe.min.js, fetched by npm into a folder; skips without npm or network."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("no npm on the PATH, so no axe-core")
    command = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180)
    packed = list(folder.glob("axe-core-*.tgz"))
    if done.returncode or not packed:
        pytest.skip(f"npm could not fetch {AXE}: {done.stderr.strip()[-200:]}")
    with tarfile.open(packed[0]) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode("utf-8")

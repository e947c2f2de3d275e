"""A picture of a report, for the README: python docs/screenshot.py OUT/report.html PICTURE.png

Beside it `PICTURE.sha256` is written: of the files that make the report look as it does. A test
compares it, so that a picture of an older report is noticed.
"""

import hashlib
import shutil
import sys
from pathlib import Path

REPORT = Path(__file__).parents[1] / "src" / "her2bench" / "report"
LOOKS = ("assets", "templates", "figures")


def looks() -> str:
    """The SHA-256 of templates, styles and figure code."""
    files = [path for name in LOOKS for path in sorted((REPORT / name).rglob("*"))]
    total = hashlib.sha256()
    for path in files:
        if path.is_file() and path.suffix != ".pyc":
            total.update(path.relative_to(REPORT).as_posix().encode())
            total.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return total.hexdigest()


def main(report: Path, picture: Path, width: int = 1280, height: int = 1500) -> None:
    """Open a report in the installed Chromium and photograph its top."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(report.resolve().as_uri())
        page.screenshot(path=picture)
        browser.close()
    picture.with_suffix(".sha256").write_text(f"{looks()}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

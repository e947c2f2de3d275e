"""`her2bench report OUT`: rebuild report.html from the comparison folder."""

from pathlib import Path
from typing import Annotated

import typer


def report(out: Annotated[Path, typer.Argument(help="The folder of a comparison.")]) -> None:
    """Rebuild figures and report.html from a comparison folder; needs no GPU and no images."""
    from her2bench.core.runs import opened_comparison
    from her2bench.core.terminal import say
    from her2bench.report.pages.report_page import write_report

    say(f"report: {write_report(opened_comparison(out))}")

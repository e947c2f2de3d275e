"""`her2bench report OUT`: rebuild report.html from the comparison folder."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    out: Annotated[Path, typer.Argument(help="The folder of a comparison.", metavar="OUT")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="key=value, of score, report or licence: other thresholds, metrics, names, "
            "colours, order; e.g. report.names.lenet=LeNet-5. Kept in comparison.toml.",
        ),
    ] = None,
) -> None:
    """Rebuild figures and report.html from a comparison folder; needs no GPU and no images."""
    from her2bench.core.runs import opened_comparison
    from her2bench.core.terminal import say
    from her2bench.report.rebuilding import rebuild

    say(f"report: {rebuild(opened_comparison(out), settings or ())}")

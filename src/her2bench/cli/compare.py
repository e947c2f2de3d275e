"""`her2bench compare CONFIG.toml`: train, predict, score and report into one folder."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path,
    typer.Argument(
        metavar="CONFIG",
        help="A TOML file, or a config that comes with her2bench: sound (for your own tiles), "
        "modern, ordinal (the four scores), ablations, notebook, phantom, her2_tma.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="The comparison folder (out/<config name> by default)."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="key=value overrides a setting, e.g. manifest=mine.csv; may be repeated."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Cache = Annotated[
    Path | None, typer.Option(help="Folder of the tile cache (the user's cache folder by default).")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")]
Optimism = Annotated[
    bool,
    typer.Option(
        "--optimism",
        help="Also train with a random tile split, to measure how optimistic it is (trains all "
        "models twice).",
    ),
]
SelfTest = Annotated[
    bool, typer.Option(help="Measure first which way to compute each network is the fastest here.")
]
Audit = Annotated[
    bool, typer.Option("--audit/--no-audit", help="Run the data quality checks first.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Stop before training if the audit has serious findings.")
]
Details = Annotated[
    bool, typer.Option("--details", help="Print all splits, metrics, pairs and notes.")
]
Json = Annotated[bool, typer.Option("--json", help="Print scores.json.")]


def compare(
    config: Config,
    out: Output = None,
    settings: Settings = None,
    device: Device = "auto",
    cache: Cache = None,
    skip_bad: SkipBad = False,
    optimism: Optimism = False,
    self_test: SelfTest = True,
    audit: Audit = True,
    strict: Strict = False,
    details: Details = False,
    as_json: Json = False,
) -> None:
    """Train and compare models: one config, one manifest, one folder with one report.

    To resume a stopped comparison, run the same command again.
    """
    from her2bench.cli.progress_bar import Bar
    from her2bench.core.terminal import say_json

    with Bar() as bar:
        from her2bench.api.comparing import compare as run  # the slow part; the bar moves already
        from her2bench.cli.results_text import print_results

        results = run(
            config,
            out,
            overrides=settings or (),
            watcher=bar,
            device=device,
            cache=cache,
            skip_bad=skip_bad,
            optimism=optimism,
            self_test=self_test,
            audit=audit,
            strict=strict,
        )
    if as_json:
        say_json(results.folder.scores.read_text(encoding="utf-8"))
    else:
        print_results(results.folder, details)

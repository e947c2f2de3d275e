"""`her2bench compare CONFIG.toml`: everything, into one comparison folder."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(help="The config, a TOML file.")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="The comparison folder (out/<config name> by default)."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value overrides a setting, e.g. recipe.epochs=3."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Cache = Annotated[
    Path | None, typer.Option(help="Folder of the tile cache (the user's cache folder by default).")
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")]
Optimism = Annotated[
    bool, typer.Option("--optimism", help="How much would a random tile split flatter?")
]
SelfTest = Annotated[
    bool, typer.Option(help="Try which way of computing each network is the fastest here.")
]
Audit = Annotated[
    bool, typer.Option("--audit/--no-audit", help="Look first for what would fool it.")
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
    as_json: Json = False,
) -> None:
    """Train and compare models: one config, one manifest, one folder with one report.

    A comparison that was stopped goes on where it was: give the same command again.
    """
    from her2bench.api.comparing import compare as run
    from her2bench.cli.progress_bar import Bar
    from her2bench.cli.results_text import print_results
    from her2bench.core.terminal import say_json

    with Bar() as bar:
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
        )
    if as_json:
        say_json(results.folder.scores.read_text(encoding="utf-8"))
    else:
        print_results(results.folder)

"""The `her2bench` command: one subcommand a file, errors to exit codes in one place."""

import sys

import typer

from her2bench import __version__
from her2bench.cli import manifest
from her2bench.cli.audit import audit
from her2bench.cli.compare import compare
from her2bench.cli.phantom import phantom
from her2bench.cli.predict import predict
from her2bench.cli.report import report
from her2bench.cli.score import score
from her2bench.cli.serve import serve
from her2bench.core.errors import UserError

app = typer.Typer(
    name="her2bench",
    help="Compare image classifiers for HER2 status on IHC tiles, and know which differences are "
    "real. Research use only: nothing here is for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit()


app.command()(phantom)
app.add_typer(manifest.app, name="manifest")
app.command()(audit)
app.command()(compare)
app.command()(score)
app.command()(report)
app.command()(predict)
app.command()(serve)


def main() -> None:
    """Run the command line: exit 0 done, 2 the user's mistake, 1 (a traceback) our own fault."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)

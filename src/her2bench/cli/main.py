"""The `her2bench` command: one file per subcommand; exit codes are set here."""

import sys
from contextlib import suppress
from pathlib import Path

import typer

from her2bench import __version__
from her2bench.cli import manifest
from her2bench.cli.audit import audit
from her2bench.cli.augment import augment
from her2bench.cli.compare import compare
from her2bench.cli.export import export
from her2bench.cli.phantom import phantom
from her2bench.cli.predict import predict
from her2bench.cli.report import report
from her2bench.cli.score import score
from her2bench.cli.serve import serve
from her2bench.cli.stopping import Stopped, flushed, shortage, stoppable
from her2bench.core.errors import UserError
from her2bench.core.extras import missing_extra
from her2bench.core.terminal import open_streams, say

_CLOSED_PIPE = 141  # as the shell reports a program that a closed pipe ended

app = typer.Typer(
    name="her2bench",
    help="Compare image classifiers for HER2 status on IHC tiles, and test which differences are "
    "statistically significant. Research use only, not for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        say(__version__)
        raise typer.Exit()


_TILES, _COMPARISONS, _TRAINED = "Tiles", "Comparisons", "Trained networks"
app.command(rich_help_panel=_TILES)(phantom)
app.add_typer(manifest.app, name="manifest", rich_help_panel=_TILES)
app.command(rich_help_panel=_TILES)(audit)
app.command(rich_help_panel=_TILES)(augment)
app.command(rich_help_panel=_COMPARISONS)(compare)
app.command(rich_help_panel=_COMPARISONS)(score)
app.command(rich_help_panel=_COMPARISONS)(report)
app.command(rich_help_panel=_TRAINED)(predict)
app.command(rich_help_panel=_TRAINED)(export)
app.command(rich_help_panel=_TRAINED)(serve)


def main() -> None:
    """Run the command line: exit 0 on success, 2 on a usage error, 1 on an internal error.

    128 plus the signal number after a signal, as a shell reports it.
    """
    open_streams()
    stdout = sys.stdout
    code = 1
    try:
        with stoppable():
            code = _run()
    finally:
        arrived = flushed()
    if sys.stdout is not stdout:  # replaced by Typer: the pipe of stdout is closed
        sys.stdout, code = stdout, _CLOSED_PIPE
    elif code == 0 and not arrived:
        say("error: the output could not be printed; files are written", error=True)
        code = 2
    sys.exit(code)


def _run() -> int:
    try:
        _refuse_other_encodings()
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except UserError as error:
        say(f"error: {error}", error=True)
        return 2
    except ImportError as error:
        message = missing_extra(error, _command())
        if message is None:
            raise
        say(f"error: {message}", error=True)
        return 2
    except Stopped as stopped:
        if message := stopped.message(_command()):
            say(message, error=True)
        return stopped.code
    except (MemoryError, OSError, RuntimeError) as error:
        lack = shortage(error)
        if lack is None:
            raise
        where = getattr(error, "filename", None) or _command()
        say(f"error: {UserError(where, found=lack[0], hint=lack[1])}", error=True)
        return 2
    return 0


def _command() -> str:
    return next((name for name in sys.argv[1:] if not name.startswith("-")), "her2bench")


def _refuse_other_encodings() -> None:
    """Names that are not UTF-8 cannot be written to tables, pages and configs."""
    texts = [("argument", text) for text in sys.argv[1:]]
    with suppress(FileNotFoundError):  # deleted; not needed
        texts.append(("current folder", str(Path.cwd())))
    for named, text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{named} {text}",
                found="its name is not UTF-8",
                expected="names in UTF-8",
                hint="rename it, or reach it by a link with another name",
            ) from error

"""Tables and progress bars on a terminal; no text in them is taken for markup."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from her2bench.core.terminal import readable

_ON_SCREEN: ContextVar[Progress | None] = ContextVar("on_screen", default=None)


class Terminal(Console):
    """rich's console; square brackets, emoji codes and control characters are shown as written.

    Args:
        stderr: print there, not to stdout.
        piped: the width where it is no terminal; 80 columns otherwise.
        worded: how each text is worded; as it is by default.
    """

    def __init__(
        self,
        stderr: bool = False,
        piped: int | None = None,
        worded: Callable[[str], str] = str,
    ) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)
        self._worded = worded
        if piped and not self.is_terminal:
            self.width = piped

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text that is printed comes through here."""
        return super().render_str(readable(self._worded(text)), **options)

    def say(self, text: str, style: str = "") -> None:
        """Print a line that is not wrapped."""
        self.print(text, soft_wrap=True, style=style)

    def on_broken_pipe(self) -> None:
        """Left to the command line, which knows what it means."""
        raise


@contextmanager
def on_screen(bar: Progress) -> Iterator[Progress]:
    """Show a bar inside the block, and hide the one around it meanwhile: there is one last line."""
    around = _ON_SCREEN.get()
    if around is not None:
        around.stop()
    token = _ON_SCREEN.set(bar)
    try:
        with bar:
            yield bar
    finally:
        bar.disable = True  # one within it that is closed late must not show it again
        _ON_SCREEN.reset(token)
        if around is not None:
            around.start()


def progress(unit: str = "") -> AbstractContextManager[Progress]:
    """A progress bar on stderr, silent where that is no terminal."""
    console = Terminal(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *([TextColumn(unit, markup=False)] if unit else []),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    return on_screen(bar)

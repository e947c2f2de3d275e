"""The one exception that means "the user can mend this"."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's: shown as one message, without a traceback, with exit status 2.

    The message names the file or setting, what was found, what was expected, and the cure.

    >>> raise UserError("m.csv", found="no column 'path'", expected="one row a tile", cure="add it")
    Traceback (most recent call last):
        ...
    her2bench.core.errors.UserError: m.csv: no column 'path'
      expected: one row a tile
      cure: add it
    """

    def __init__(self, where: object, *, found: str, expected: str = "", cure: str = "") -> None:
        self.where, self.found, self.expected, self.cure = str(where), found, expected, cure
        lines = [f"{where}: {found}"]
        lines += [f"  expected: {expected}"] if expected else []
        lines += [f"  cure: {cure}"] if cure else []
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple:
        """Pickled by its parts, so that one raised in a worker process arrives whole."""
        parts = self.where, self.found, self.expected, self.cure
        return _rebuilt, parts


def _rebuilt(where: str, found: str, expected: str, cure: str) -> UserError:
    return UserError(where, found=found, expected=expected, cure=cure)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, as a sentence; empty if none is near.

    >>> nearest("epoch", ["epochs", "batch"])
    "did you mean 'epochs'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def listed(items: Iterable[object], most: int = 20) -> str:
    """Items as indented lines, cut after `most` with the number left out.

    >>> print(listed(["a.png", "b.png", "c.png"], most=2))
    <BLANKLINE>
        a.png
        b.png
        ... and 1 more
    """
    items = list(items)
    lines = [f"\n    {item}" for item in items[:most]]
    more = len(items) - most
    return "".join(lines) + (f"\n    ... and {more} more" if more > 0 else "")

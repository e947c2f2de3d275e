"""The exception for usage errors: the user can fix them."""

import difflib
import re
import reprlib
from collections.abc import Iterable


class UserError(Exception):
    """A usage error: shown as one message, without a traceback, with exit status 2.

    The message names the file or setting, what was found, what was expected, and the hint.

    >>> raise UserError("m.csv", found="no column 'path'", expected="a column", hint="add it")
    Traceback (most recent call last):
        ...
    her2bench.core.errors.UserError: m.csv: no column 'path'
      expected: a column
      hint: add it
    """

    def __init__(self, where: object, *, found: str, expected: str = "", hint: str = "") -> None:
        self.where, self.found, self.expected, self.hint = str(where), found, expected, hint
        lines = [f"{where}: {found}"]
        lines += [f"  expected: {expected}"] if expected else []
        lines += [f"  hint: {hint}"] if hint else []
        super().__init__(_CONTROLS.sub(_escaped, "\n".join(lines)))

    def __reduce__(self) -> tuple:
        """Pickled by its parts, so that one raised in a worker process arrives whole."""
        parts = self.where, self.found, self.expected, self.hint
        return _rebuilt, parts


_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _escaped(match: re.Match[str]) -> str:
    """A control character as Python writes it: in a terminal it could do anything."""
    return repr(match.group())[1:-1]


def _rebuilt(where: str, found: str, expected: str, hint: str) -> UserError:
    return UserError(where, found=found, expected=expected, hint=hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like `name`, or short for it, as a sentence; empty if none is near.

    >>> nearest("epoch", ["epochs", "batch"]), nearest("probability", ["label", "Prob"])
    ("did you mean 'epochs'?", "did you mean 'Prob'?")
    """
    close = closest(name, known)
    return f"did you mean {close!r}?" if close else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or short for it; None if none is near."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    close += [other for other in known if _is_short_for(other, name) or _is_short_for(name, other)]
    return close[0] if close else None


def _is_short_for(one: str, other: str) -> bool:
    return len(one) > 2 and other.casefold().startswith(one.casefold())


def shown(value: object) -> str:
    """A value as Python writes it, cut where it is long or deep.

    >>> shown("1+"), len(shown("9" * 5000))
    ("'1+'", 80)
    """
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


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

"""The user's unit of independence: the report says slide, core or patient."""

import re
from collections.abc import Callable
from typing import Any

from her2bench.core.report_settings import ReportSettings

# A word of its own: not part of an id such as `slide-3`, a file name or an attribute.
_WORD = re.compile(r"(?<![\w.\-/#])(slide|Slide)(s?)(?!\w|-(?!level|clustered)|[/=(]|\.\w)")
# Where the glass is meant: these stay.
_GLASS = re.compile(r"whole[- ]slide (?:image|scan)s?", re.IGNORECASE)


def unit_of(config: dict[str, Any]) -> str:
    """The unit that comparison.toml names; `slide` where it names none."""
    return str((config.get("report") or {}).get("unit", ReportSettings().unit))


def in_unit(unit: str) -> Callable[[str], str]:
    """What replaces the word slide in a text by the unit.

    >>> in_unit("core")("Slides are the unit; slide-3 is one of 12 slides.")
    'Cores are the unit; slide-3 is one of 12 cores.'
    """
    if unit == "slide":
        return str

    def word(match: re.Match[str]) -> str:
        name = unit.capitalize() if match.group(1)[0] == "S" else unit
        return name + match.group(2)

    def replaced(text: str) -> str:
        kept = _GLASS.findall(text)
        parts = [_WORD.sub(word, part) for part in _GLASS.split(text)]
        return "".join(a + b for a, b in zip(parts, [*kept, ""], strict=True))

    return replaced

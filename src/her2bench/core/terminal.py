"""Text for a terminal, a pipe or a log: names as they are written, in whatever encoding."""

import codecs
import io
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

# A terminal obeys these, or has no letter for them. Line ends and tabs stay.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NOT_ASCII = re.compile("[^\x00-\x7e]")
_LIKE = {"–": "-", "−": "-", "—": "-", "±": "+/-", "’": "'", "‘": "'", "“": '"', "”": '"'}
_LIKE |= {"×": "x", "≥": ">=", "≤": "<=", "…": "...", "µ": "u", "\u00a0": " ", "━": "-", "▲": "!"}
_NOT_UTF8 = range(0xDC80, 0xDD00)  # how Python holds the bytes of a name that is not UTF-8


def readable(text: str) -> str:
    r"""The text with everything that a terminal would obey written out.

    >>> print(readable("\x1b[31mred.png"), readable("\udcff.png"))
    \x1b[31mred.png \xff.png
    """
    return _UNSHOWN.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    if code in _NOT_UTF8:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def say(text: object, error: bool = False) -> None:
    """Print a line, on stderr where it is for people alone."""
    if not error:
        print(readable(str(text)), flush=True)
        return
    with suppress(OSError):  # nobody is there to tell
        print(readable(str(text)), file=sys.stderr, flush=True)


def say_json(text: str) -> None:
    """Print JSON so that it stays the same JSON in every encoding."""
    print(ascii_json(text), flush=True)


def ascii_json(text: str) -> str:
    r"""JSON in ASCII alone: other letters can only stand within its texts.

    >>> print(ascii_json('{"µ": "𝒙"}'))
    {"\u00b5": "\ud835\udc99"}
    """

    def escaped(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))

    return _NOT_ASCII.sub(escaped, text)


def open_streams() -> None:
    """Let every text be printed: closed streams lead nowhere, letters they lack become ASCII."""
    codecs.register_error("her2bench", _in_ascii)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # and so that no file of ours takes its number
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="her2bench")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What is written for letters that the encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_LIKE.get(letter, "?") for letter in letters), error.end

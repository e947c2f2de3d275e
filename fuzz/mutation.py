"""Texts and bytes that readers do not expect."""

import re
import struct
from random import Random

NUMBERS = (
    *(
        "0",
        "-1",
        "1",
        "2",
        "3",
        "0.5",
        "1.0000001",
        "-0.0",
        "255",
        "65536",
        "1e3",
        "1e999",
        "-1e999",
    ),
    *("2147483648", "9223372036854775807", "9223372036854775808", "1e-320", "0x10", "1_000", "1,5"),
    *("nan", "NaN", "inf", "-inf", "Infinity", "9" * 400, "1" * 5000, "٣", "½"),
)
TEXTS = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r",
        "\x00",
        "\x1b[31mred\x1b[0m",
        "\u200b",
        "\ufeff",
        "\u202e",
        "é",
        "😀",
    ),
    *(
        "NA",
        "null",
        "None",
        "N/A",
        "-",
        "#N/A",
        "true",
        "TRUE",
        "2+",
        "1+",
        " 3+ ",
        "4",
        "0+",
        "neg",
    ),
    *("../victim", "../../victim", "../../../victim", "a/b", "a\\b", "/dev/zero", "/dev/null", "."),
    *(
        "=1+1",
        "@cmd",
        "+1",
        '"',
        "'",
        ",",
        ";",
        "a,b;c\td",
        "{{ 1 }}",
        "<script>",
        "[red]",
        ":smile:",
    ),
    *(
        "train",
        "val",
        "test",
        "Test",
        "ceiling",
        "always_positive",
        "lenet",
        "alexnet",
        "con",
        "$(id)",
    ),
    *("x" * 300, "y" * 70000, "2024-01-01", "007", "tile_id", "score", "model", "%s%n", "\udcff"),
)
_BYTES = (
    b"\x00",
    b"\xff",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x80",
    b"\r",
    b"\n",
    b'"',
    b"{",
    b"[" * 2000,
)
_WORDS = (0, 1, -1, 127, 128, 255, 256, 32767, 65535, 65536, 2**31 - 1, -(2**31), 2**32 - 1, 2**24)


def number(rng: Random) -> str:
    """A number, or nearly one, as text."""
    if rng.random() < 0.7:
        return rng.choice(NUMBERS)
    return repr(rng.choice((rng.gauss(0, 10), rng.randint(-5, 5), rng.randint(-(2**70), 2**70))))


def text(rng: Random) -> str:
    """A cell, a name or a value that is seldom tried."""
    if rng.random() < 0.3:
        return number(rng)
    if rng.random() < 0.8:
        return rng.choice(TEXTS)
    return "".join(chr(rng.choice((rng.randrange(128), rng.randrange(0xD800)))) for _ in range(6))


def name(known: str, rng: Random) -> str:
    """A name near a known one: other case, spaces, invisible characters, a letter less."""
    return rng.choice(
        (
            *(
                known.upper(),
                known.title(),
                f" {known}",
                f"{known} ",
                f"\ufeff{known}",
                f"{known}\u200b",
            ),
            *(known[:-1], known + known[-1:], known.replace("_", " "), known.replace("_", "-")),
            *(text(rng), ""),
        )
    )


def mutated(data: bytes, rng: Random, most: int = 4) -> bytes:
    """The bytes with one to `most` changes of a kind each: flips, cuts, splices, numbers."""
    for _ in range(rng.randint(1, most)):
        data = rng.choice(_CHANGES)(data, rng)
    return data


def _place(data: bytes, rng: Random) -> int:
    """Anywhere, but more often near an end, where headers and footers lie."""
    near = min(len(data), 64)
    choice = rng.random()
    if choice < 0.25:
        return rng.randrange(near + 1)
    if choice < 0.5:
        return len(data) - rng.randrange(near + 1)
    return rng.randrange(len(data) + 1)


def _flip(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 64))):
        at = _place(data, rng)
        if at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(data: bytes, rng: Random) -> bytes:
    return rng.choice((data[: _place(data, rng)], data[_place(data, rng) :]))


def _drop(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 4, 16, 256)) :]


def _repeat(data: bytes, rng: Random) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 8, 64, 1024))
    return data[:at] + data[at : at + size] * rng.choice((2, 3, 50)) + data[at + size :]


def _splice(data: bytes, rng: Random) -> bytes:
    return data[: _place(data, rng)] + data[_place(data, rng) :]


def _insert(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    added = rng.choice((rng.choice(_BYTES), text(rng).encode("utf-8", "surrogateescape")))
    return data[:at] + added + data[at:]


def _noise(data: bytes, rng: Random) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 4, 32))
    return data[:at] + rng.randbytes(size) + data[at + size :]


def _word(data: bytes, rng: Random) -> bytes:
    at, order = _place(data, rng), rng.choice("<>")
    code, size = rng.choice((("h", 2), ("i", 4), ("q", 8)))
    low, high = -(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1
    value = min(max(rng.choice(_WORDS), low), high)
    return data[:at] + struct.pack(order + code, value) + data[at + size :]


def _digits(data: bytes, rng: Random) -> bytes:
    found = list(re.finditer(rb"-?\d+(\.\d+)?", data[:200_000]))
    if not found:
        return _word(data, rng)
    chosen = rng.choice(found)
    return data[: chosen.start()] + number(rng).encode() + data[chosen.end() :]


_CHANGES = (_flip, _flip, _cut, _drop, _repeat, _splice, _insert, _noise, _word, _digits)

"""Whether a column's name is another one misspelt, or a name of its own."""

from her2bench.core.values import folded

_SHORT = 5  # letters; of fewer, a single other one makes another word: fold, gold


def is_misspelt(other: str, name: str) -> bool:
    """Whether `other` is `name` with one slip, without its `_id`, or in the plural.

    A slip is a letter too many, too few or wrong, or two that changed places, after the first
    letter and before the end: `core`, `scorer` and `score_1` are columns of their own.

    >>> [is_misspelt(other, "score") for other in ("scroe", "scor", "Scores", "scorre")]
    [True, True, True, True]
    >>> [is_misspelt(other, "score") for other in ("core", "scorer", "score_1", "store_id")]
    [False, False, False, False]
    """
    a, b = folded(other), folded(name)
    stem = b.removesuffix("id") or b
    if a in (f"{b}s", stem, f"{stem}s"):
        return a != b
    if min(len(a), len(b)) < _SHORT - 1 or len(b) < _SHORT or a[0] != b[0]:
        return False
    return a.isalpha() and not a.startswith(b) and _one_slip(a, b)


def _one_slip(a: str, b: str) -> bool:
    """Whether two words differ by one letter more, less or other, or by two that changed places."""
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), -1)
    if start < 0:
        return abs(len(a) - len(b)) == 1
    rest_a, rest_b = a[start:], b[start:]
    return (
        rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or rest_a[1:] == rest_b[1:]
        or (rest_a[1::-1] == rest_b[:2] and rest_a[2:] == rest_b[2:])
    )

"""What the names of folders say of the tiles in them: a score, a status or a split."""

import re
from typing import NamedTuple

from her2bench.core.vocabulary import SCORE_TEXT

_SCORE = re.compile(r"(?:her-?2[ _-]+)?(?:(?:score|ihc)[ _-]*)?([0-3])\+?", re.I)
_STATUS = re.compile(r"(?:her-?2[ _-]*)?(?:(positive|pos)|negative|neg)", re.I)
_SPLIT = re.compile(r"(train|training)|(val|valid|validation)|test|testing", re.I)

SCORE_FOLDERS = "0, 1, 1+, 2+, 3+, score_2, ihc 3+, her2_2+"
STATUS_FOLDERS = "positive, negative, pos, neg, her2-positive, HER2-neg"
SPLIT_FOLDERS = "train, val, test (also training, valid, validation, testing)"


class FolderMeaning(NamedTuple):
    """What one folder's name says; None where it says nothing of the kind."""

    score: int | None = None
    status: int | None = None
    split: str | None = None


def meaning(name: str) -> FolderMeaning:
    """The meaning of one folder's name, in any case; the whole name must be of a known form.

    >>> meaning("HER2_2+").score, meaning("3").score, meaning("class_1").score
    (2, 3, None)
    >>> meaning("HER2-neg").status, meaning("Positive").status, meaning("her2-low").status
    (0, 1, None)
    >>> meaning("validation").split, meaning("trainB").split
    ('val', None)
    """
    name = name.strip()
    score, status, split = (form.fullmatch(name) for form in (_SCORE, _STATUS, _SPLIT))
    return FolderMeaning(
        int(score[1]) if score else None,
        int(bool(status[1])) if status else None,
        ("train" if split[1] else "val" if split[2] else "test") if split else None,
    )


def score_of(text: str) -> int | None:
    """A score as a name writes it, 0 to 3 or `1+` to `3+`; None where it is none.

    >>> score_of("2+"), score_of("3"), score_of("4")
    (2, 3, None)
    """
    found = re.match(SCORE_TEXT, text.strip())
    return int(found[1]) if found else None

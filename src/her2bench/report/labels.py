"""What models and splits are called in front of a reader."""

import re
from zlib import crc32

BASELINES = {
    "always_positive": "Always positive",
    "dab_baseline": "DAB baseline",
    "background_baseline": "Background baseline",
}
_NETWORKS = {"lenet": "LeNet", "alexnet": "AlexNet", "mini_hahnet": "mini-HAHNet"}
_KNOWN = BASELINES | _NETWORKS
SPLITS = {"train": "training", "val": "validation", "test": "test"}
STUDY_WORDS = {"ppv": "Precision", "sensitivity": "Recall"}
ENDPOINTS = {
    "2+": "score 2+/3+ against 0/1+",
    "3+": "score 3+ against 0/1+/2+",
    "1+": "score 1+/2+/3+ against 0",
    "status": "confirmed HER2 status, positive against negative",
}


def label(model: str) -> str:
    """A model's name for people; a name we do not know stays as it is.

    >>> label("mini_hahnet"), label("other <net>")
    ('mini-HAHNet', 'other <net>')
    """
    return _KNOWN.get(model, model)


def relabelled(text: str) -> str:
    """A sentence with the names of known models in their form for people.

    >>> relabelled("Lenet better than dab_baseline")
    'LeNet better than DAB baseline'
    """
    return _NAMES.sub(lambda match: label(match.group().lower()), text)


def slug(name: str) -> str:
    """A name as part of a file name or an HTML id: letters, digits, `-` and `_` alone.

    Names that differ stay different: what had to be changed bears a checksum of the name.

    >>> slug("mini_hahnet"), slug("a/b <net>")
    ('mini_hahnet', 'a-b--net--edc4d46c')
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:60]
    return plain if plain == name else f"{plain}-{crc32(name.encode()):08x}"


_NAMES = re.compile(r"\b(" + "|".join(map(re.escape, _KNOWN)) + r")\b", re.IGNORECASE)

"""Display names of models and splits."""

import re
from zlib import crc32

from her2bench.core.display import chosen_names
from her2bench.core.vocabulary import BASELINES, NETWORKS, model_label

STUDY_WORDS = {"ppv": "Precision", "sensitivity": "Recall"}


def relabelled(text: str) -> str:
    """A sentence with the names of known models replaced by their labels.

    >>> relabelled("Lenet better than dab_baseline")
    'LeNet better than DAB baseline'
    """
    known = {name: model_label(name) for name in (*BASELINES, *NETWORKS, *chosen_names())}
    labels = {name.casefold(): label for name, label in known.items() if label != name}
    names = re.compile(rf"\b({'|'.join(map(re.escape, labels))})\b", re.IGNORECASE)
    return names.sub(lambda match: labels[match.group().casefold()], text)


def slug(name: str) -> str:
    """A name as part of a file name or an HTML id: letters, digits, `-` and `_` alone.

    Names that differ stay different: what had to be changed bears a checksum of the name.

    >>> slug("mini_hahnet"), slug("a/b <net>")
    ('mini_hahnet', 'a-b--net--edc4d46c')
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:60]
    return plain if plain == name else f"{plain}-{crc32(name.encode()):08x}"

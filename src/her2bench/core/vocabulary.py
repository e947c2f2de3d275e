"""The names that all packages share: scores, endpoints, splits and models, with their labels."""

from dataclasses import dataclass
from typing import Literal

from her2bench.core.display import chosen_name

RESEARCH_USE = "Research use only; nothing here is for diagnosis."

LARGEST_SIZE = 4096
"""Most pixels per side of a tile as a network sees it."""

SCORES = ("0", "1+", "2+", "3+")
"""The IHC scores; a score is stored as its place here, 0 to 3."""
SCORE_TEXT = r"^([0-3])(?:\+|[.,]0+)?$"
"""A score as a table may write it; the group is its number."""

SPLITS = {"train": "training", "val": "validation", "test": "test"}

Endpoint = Literal["2+", "3+", "1+", "status", "score"]
ENDPOINTS: dict[str, str] = {
    "2+": "score 2+/3+ against 0/1+",
    "3+": "score 3+ against 0/1+/2+",
    "1+": "score 1+/2+/3+ against 0",
    "status": "confirmed HER2 status, positive against negative",
    "score": "the four scores; as a binary question, 2+/3+ against 0/1+",
}


def binary_endpoint(endpoint: str) -> str:
    """The binary question of an endpoint: of the four scores, 2+ or more.

    >>> binary_endpoint("score"), binary_endpoint("3+")
    ('2+', '3+')
    """
    return "2+" if endpoint == "score" else endpoint


@dataclass(frozen=True)
class BaselineName:
    """The names of a baseline: `label` in tables and figures, `phrase` within a sentence.

    `about` is its entry in the glossary.
    """

    label: str
    phrase: str
    about: str = ""


NETWORKS = {
    "lenet": "LeNet",
    "alexnet": "AlexNet",
    "mini_hahnet": "mini-HAHNet",
    "hahnet": "HAHNet-inspired",
    "dabnet": "DABNet",
}
"""Networks by name; `register_model` adds to them."""
ENSEMBLE = " ensemble"  # after a model's name: the mean over its seeds
BASELINES = {
    "always_positive": BaselineName(
        "Always positive", "always positive", "Predicts every tile positive, whatever it shows."
    ),
    "dab_baseline": BaselineName(
        "DAB baseline",
        "the DAB baseline",
        "Logistic regression on five percentiles of brown stain: what stain alone can predict.",
    ),
    "background_baseline": BaselineName(
        "Background baseline",
        "the background baseline",
        "Logistic regression on the colour of empty glass: above chance, slides can be "
        "distinguished by something other than biology.",
    ),
    "score_frequencies": BaselineName(
        "Score frequencies",
        "the score frequencies",
        "Gives every tile the frequencies of the four scores in training, whatever it shows.",
    ),
}
"""Baselines by name; `register_baseline` adds to them."""
CONSTANT = ("always_positive", "score_frequencies")
"""Baselines that say the same of every tile, whatever it shows."""


_READER = {"ceiling": "Label ceiling"}  # the reference read, which scores.json has as a model


def model_name(entry: str) -> str:
    """The name of a model as a config lists it.

    >>> [model_name(entry) for entry in ("lenet", "nets.mine:Net", "mine=nets.mine:Net")]
    ['lenet', 'Net', 'mine']
    >>> [model_name(entry) for entry in ("timm:resnet18", "timm:hf-hub:owner/uni")]
    ['resnet18', 'uni']
    """
    name, equals, _ = entry.partition("=")
    return name if equals else entry.rpartition(":")[2].rpartition("/")[2]


def model_label(name: str) -> str:
    """A model's name for people; an unknown one stays as it is.

    >>> model_label("mini_hahnet"), model_label("dab_baseline"), model_label("other <net>")
    ('mini-HAHNet', 'DAB baseline', 'other <net>')
    >>> model_label("lenet ensemble")
    'LeNet ensemble'
    """
    label = BASELINES[name].label if name in BASELINES else {**NETWORKS, **_READER}.get(name, name)
    if chosen_name(name) is None and name.endswith(ENSEMBLE):
        return f"{model_label(name.removesuffix(ENSEMBLE))}{ENSEMBLE}"
    return chosen_name(name) or label

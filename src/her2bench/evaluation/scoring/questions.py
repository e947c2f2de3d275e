"""The question that a verdict answers first: the recipe (across seeds) or these weights."""

from collections.abc import Iterable

from her2bench.core.scores import Question

UNKNOWN_AGAIN = "retraining variability is not known"
FEW_SEEDS = 5  # with fewer of a model a note is given
TITLES: dict[Question, str] = {
    "recipe": "Retraining variability (recipes, across seeds)",
    "weights": "These trained weights, on new slides",
}


def first_question(recipes: Iterable[tuple[str, str]]) -> Question:
    """The recipe's wherever it is answered: a verdict is usually read as one on recipes.

    Args:
        recipes: family and decision of the pairs that ask for the recipe, on the primary metric.

    Returns:
        "recipe" if all pairs of models (with a single model: all against baselines) are answered.
    """
    decisions: dict[str, list[str]] = {}
    for family, decision in recipes:
        decisions.setdefault(family, []).append(decision)
    asked = decisions.get("networks") or decisions.get("against baselines") or ["unanswered"]
    return "weights" if "unanswered" in asked else "recipe"

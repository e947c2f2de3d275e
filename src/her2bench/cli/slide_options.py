"""The options of `her2bench score` for slides."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from her2bench.evaluation.scoring.slide_settings import SlideSettings


def _slides(help: str, *names: str) -> typer.models.OptionInfo:
    return typer.Option(*names, help=help, rich_help_panel="Slides")


Level = Annotated[str, _slides("What is scored: tile, slide, or both.")]
Aggregate = Annotated[
    str | None,
    _slides(
        "A slide from its tiles: mean (the default), median or quantile of their probabilities; "
        "share of those predicted positive; choose: the best of these on each run's val slides."
    ),
]
Quantile = Annotated[float | None, _slides("The quantile, for example 0.9.")]
SlideRule = Annotated[
    str | None, _slides("As --rule, for slides (default: the rule of the tiles).", "--slide-rule")
]
SlideThreshold = Annotated[
    float | None, _slides("Probability of the fixed rule, for slides.", "--slide-threshold")
]
SlideValue = Annotated[
    float | None, _slides("The target sensitivity or specificity, for slides.", "--slide-value")
]


def chosen_slides(
    level: str,
    aggregate: str | None,
    quantile: float | None,
    rule: str | None,
    threshold: float | None,
    value: float | None,
) -> "SlideSettings | None":
    """The settings of the slides; None where tiles alone are scored.

    Raises:
        UserError: a value is wrong, or an option for slides is given and the level is tile.
    """
    from her2bench.api.scoring import slide_choices

    own = {"kind": rule, "probability": threshold, "value": value}
    rules = {name: given for name, given in own.items() if given is not None}
    given: dict[str, Any] = {"aggregate": aggregate, "quantile": quantile, "threshold": rules}
    return slide_choices(level, {k: v for k, v in given.items() if v not in (None, {})})

"""How settings were tuned: budget, space and chosen values; or that they were not."""

from dataclasses import dataclass
from typing import Any

from her2bench.core.score_parts import TunedModel
from her2bench.core.text import plural
from her2bench.core.vocabulary import model_label
from her2bench.report.formats import duration
from her2bench.report.inputs import ReportInputs


@dataclass(frozen=True)
class TunedRow:
    """A model on a fold, as the table shows it."""

    model: str
    fold: int
    trials: str
    seconds: float
    loss: float
    values: str


def tuned_rows(material: ReportInputs) -> list[TunedRow]:
    """The chosen values per model and fold; empty without tuning."""
    order = {model: place for place, model in enumerate(material.models)}
    tuned = sorted(
        material.scores.tuning, key=lambda each: (order.get(each.model, len(order)), each.fold)
    )
    return [
        TunedRow(
            model_label(each.model),
            each.fold,
            f"{each.trials} ({each.pruned} stopped early)" if each.pruned else str(each.trials),
            each.seconds,
            each.loss,
            ", ".join(f"{_name(name)} {value:.3g}" for name, value in each.values.items()),
        )
        for each in tuned
    ]


def tuning_sentence(material: ReportInputs) -> str:
    """Budget, space and how values were chosen; or "not tuned"; empty where training is unknown."""
    if material.from_predictions:
        return ""
    settings: dict[str, Any] = material.config.get("tuning") or {}
    if not material.scores.tuning and settings:
        return f"The settings are tuned ({_budget(settings)} for each model); not finished yet."
    if not settings:
        return _untuned(material.config.get("recipe") or {})
    folds = len({each.fold for each in material.scores.tuning})
    of_each = "each model on each fold" if folds > 1 else "each model"
    pruned = ", stopped early where worse than the median" if settings.get("pruning", True) else ""
    return (
        f"The settings of {of_each} were tuned with the same budget, {_budget(settings)} "
        f"(Optuna, TPE{pruned}), over {_spaces(material)}; the values with the least loss on the "
        f"fold’s validation tiles hold for all seeds, and no test tile was used.{_rest(material)}"
    )


def or_tuned(material: ReportInputs, setting: str, text: str, words: str = "tuned") -> str:
    """The text of a setting of the recipe, or that it was tuned, for all networks or for some."""
    tuned = {each.model for each in material.scores.tuning if setting in each.values}
    networks = [model for model in material.networks if model in tuned]
    if not networks:
        return text
    return words if len(networks) == len(material.networks) else f"{text} or {words}"


def _untuned(recipe: dict[str, Any]) -> str:
    """Also of a comparison that an earlier version made."""
    rates = recipe.get("learning_rates") or []
    lists = list(rates.values()) if isinstance(rates, dict) else [rates]
    if any(len(each) > 1 for each in lists if isinstance(each, list)):
        return "The settings were not tuned, but for the learning rate, chosen among those listed."
    return "The settings were not tuned."


def _budget(settings: dict[str, Any]) -> str:
    if trials := settings.get("trials"):
        return f"{trials} {plural(trials, 'trial')}"
    return f"{duration(float(settings.get('seconds', 0)))} of training"


def _spaces(material: ReportInputs) -> str:
    """The ranges, once where several models share them."""
    shared: dict[str, list[str]] = {}
    for each in material.scores.tuning:
        labels = shared.setdefault(_ranges(each), [])
        if (label := model_label(each.model)) not in labels:
            labels.append(label)
    return "; ".join(f"{ranges} ({', '.join(labels)})" for ranges, labels in shared.items())


def _ranges(tuned: TunedModel) -> str:
    ranges = (f"{_name(name)} {low:g} to {high:g}" for name, (low, high) in tuned.space.items())
    return ", ".join(ranges)


def _rest(material: ReportInputs) -> str:
    """The models that have nothing to tune."""
    tuned = {each.model for each in material.scores.tuning}
    rest = [m for m in (*material.networks, *material.baselines) if m not in tuned]
    return f" Not tuned: {', '.join(map(model_label, rest))}." if rest else ""


def _name(setting: str) -> str:
    if setting == "regularisation":
        return "C of the logistic regression"
    return setting.replace("_", " ")

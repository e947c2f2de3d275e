"""The verdicts as sentences."""

from dataclasses import dataclass

from her2bench.core.scores import Pair, Question
from her2bench.core.vocabulary import BASELINES, model_label
from her2bench.evaluation.scoring.pairwise import FAMILIES, OF_ENSEMBLES
from her2bench.evaluation.scoring.questions import UNKNOWN_AGAIN, first_question
from her2bench.evaluation.statistics.metrics import METRICS
from her2bench.report.formats import difference, p_value
from her2bench.report.inputs import ReportInputs
from her2bench.report.labels import relabelled


@dataclass(frozen=True)
class Sentence:
    """One verdict: the two models, the text, the numbers."""

    about: str
    words: str
    numbers: str
    decided: bool


@dataclass(frozen=True)
class Answer:
    """The content of the summary section.

    Args:
        headline: one sentence.
        baselines: one sentence per baseline: which models beat it.
        verdicts: on the pairs of networks.
        against: on the pairs of a network and a baseline.
        ensembles: on the pairs of an ensemble and any other model, for these trained weights.
    """

    headline: str
    baselines: list[str]
    verdicts: list[Sentence]
    against: list[Sentence]
    ensembles: list[Sentence]


def primary_pairs(material: ReportInputs, question: str = "weights") -> list[Pair]:
    """The pairs on the primary metric: networks, then each against the baselines.

    Pairs of two baselines are left out: they answer no question about a network. Those of ensembles
    stand apart.
    """
    primary = material.settings.primary
    pairs = [
        pair
        for pair in material.scores.pairs
        if pair.metric == primary and pair.question == question and pair.family in FAMILIES[:2]
    ]
    return sorted(pairs, key=_baselines_in)


def ensemble_pairs(material: ReportInputs) -> list[Pair]:
    """The pairs on the primary metric with an ensemble; all are about these trained weights."""
    primary = material.settings.primary
    return [p for p in material.scores.pairs if p.metric == primary and p.family in OF_ENSEMBLES]


def shown_question(material: ReportInputs) -> Question:
    """Which question the verdicts are given for: the recipe's where it is answered."""
    recipes = primary_pairs(material, "recipe")
    return first_question((FAMILIES[_baselines_in(p)], p.decision) for p in recipes)


def answer(material: ReportInputs) -> Answer:
    """The verdicts as text."""
    pairs = primary_pairs(material, shown_question(material))
    networks = [pair for pair in pairs if _baselines_in(pair) == 0]
    against = [pair for pair in pairs if _baselines_in(pair) == 1]
    return Answer(
        headline=_headline(material, networks) + _absent(material),
        baselines=[_beaten(b, against) for b in material.baselines if _about(b, against)],
        verdicts=[_sentence(pair) for pair in networks],
        against=[_sentence(pair) for pair in against],
        ensembles=[_sentence(pair) for pair in ensemble_pairs(material)],
    )


def not_beating(material: ReportInputs, baseline: str) -> list[str]:
    """The networks that are not shown to beat a baseline."""
    pairs = [
        p
        for p in _about(baseline, primary_pairs(material, shown_question(material)))
        if _baselines_in(p) == 1
    ]
    return [_other(p, baseline) for p in pairs if _winner(p) != _other(p, baseline)]


def _headline(material: ReportInputs, pairs: list[Pair]) -> str:
    if material.split is None:
        return "No results yet: no run is finished."
    if material.split != "test":
        return "No verdict: there are no test tiles."
    if len(material.networks) < 2:
        return "One model only: no comparison between models."
    if not pairs:
        return "No verdict: the models were not compared."
    metric = METRICS[material.settings.primary].label
    recipes = shown_question(material) == "recipe"
    weights, unknown = "These trained weights", UNKNOWN_AGAIN
    decided = [pair for pair in pairs if pair.decision in ("a", "b")]
    if all(pair.decision == "undefined" for pair in pairs):
        return _without_verdict(pairs, metric)
    if not decided:
        if all(pair.decision == "equivalent" for pair in pairs):
            within = f"equivalent within ±{material.settings.margin:g} {metric}"
            return f"The models are {within}." if recipes else f"{weights} are {within}: {unknown}."
        return f"No model is shown to be better than another on {metric}."
    best = [m for m in material.networks if all(_winner(p) == m for p in _about(m, pairs))]
    if best and recipes:
        return f"{model_label(best[0])} is better than every other model on {metric}."
    if best:
        name = f"{model_label(best[0])} ({_seeds(material, best[0])})"
        return f"{weights} of {name} are better than every other model’s on {metric}: {unknown}."
    some = f"{len(decided)} of {len(pairs)} pairs of models differ on {metric}"
    others = _others(pairs, len(decided), material.settings.margin)
    if recipes:
        return f"{some}; {others}."
    return f"{some} with these trained weights; {others}: {unknown}."


def _without_verdict(pairs: list[Pair], metric: str) -> str:
    if all(pair.difference is None for pair in pairs):
        return f"No verdict: {metric} is undefined on these tiles."
    return f"No verdict: the variance of {metric} cannot be estimated from these slides."


def _others(pairs: list[Pair], decided: int, margin: float) -> str:
    """What is shown of the pairs without a better model: absence of proof is none of equality."""
    same = sum(pair.decision == "equivalent" for pair in pairs)
    unclear = len(pairs) - decided - same
    parts = [f"{same} equivalent within ±{margin:g}"] if same else []
    if unclear:
        parts.append(f"for {unclear} no difference is shown")
    return ", ".join(parts)


def _absent(material: ReportInputs) -> str:
    """The models of the config that the verdict does not know yet."""
    scored = {row.model for row in material.scores.rows}
    absent = [m for m in dict.fromkeys(m for m, *_ in material.missing) if m not in scored]
    verb = "is" if len(absent) == 1 else "are"
    return f" {_list(absent)} {verb} not finished and not in this comparison." if absent else ""


def _seeds(material: ReportInputs, model: str) -> str:
    seeds = {row.seeds for row in material.scores.rows if row.model == model}
    number = max(seeds, default=1)
    return "one seed" if number == 1 else f"{number} seeds"


def _beaten(baseline: str, against: list[Pair]) -> str:
    pairs = _about(baseline, against)
    winners = [_other(p, baseline) for p in pairs if _winner(p) == _other(p, baseline)]
    losers = [_other(p, baseline) for p in pairs if _other(p, baseline) not in winners]
    name = BASELINES[baseline].phrase if baseline in BASELINES else f"the {baseline}"
    name = name if name.startswith("the ") else f"“{name}”"
    parts = []
    if winners:
        parts.append(f"shown to beat {name}: {_list(winners)}")
    if losers:
        parts.append(f"not shown to beat {name}: {_list(losers)}")
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."


def _sentence(pair: Pair) -> Sentence:
    words = relabelled(pair.verdict)
    shown = difference(pair)
    if pair.p_value is not None and pair.p_adjusted is not None:
        shown += f", {_equals(pair.p_value)}, adjusted\u00a0{_equals(pair.p_adjusted)}"
    return Sentence(
        about=f"{model_label(pair.model_a)} and {model_label(pair.model_b)}",
        words=f"{words[0].upper()}{words[1:]}." if words else "",
        numbers=shown,
        decided=pair.decision in ("a", "b"),
    )


def _equals(p: float) -> str:
    """p and its value, not to be broken over two lines."""
    return f"p {'' if p < 0.001 else '= '}{p_value(p)}".replace(" ", "\u00a0")


def _list(models: list[str]) -> str:
    return ", ".join(model_label(model) for model in models)


def _about(model: str, pairs: list[Pair]) -> list[Pair]:
    return [pair for pair in pairs if model in (pair.model_a, pair.model_b)]


def _other(pair: Pair, model: str) -> str:
    return pair.model_b if pair.model_a == model else pair.model_a


def _winner(pair: Pair) -> str | None:
    return {"a": pair.model_a, "b": pair.model_b}.get(pair.decision)


def _baselines_in(pair: Pair) -> int:
    return FAMILIES.index(pair.family)

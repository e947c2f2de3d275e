"""The words of the answer: they claim what the decisions carry, and no more."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.conftest import make_comparison

from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Pair
from her2bench.report.inputs import ReportInputs, read_inputs
from her2bench.report.sections.summary import answer, not_beating, primary_pairs, shown_question
from her2bench.report.sections.warnings import lesser_notes, optimistic_figures, report_warnings

MODELS = ("lenet", "alexnet", "mini_hahnet")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    path = tmp_path_factory.mktemp("answer") / "c"
    return make_comparison(path, models=MODELS, seeds=(0,), slides=22, tiles=2, gallery=False)


def decided(
    folder: ComparisonFolder,
    decisions: dict[tuple[str, str], str],
    question: str = "weights",
) -> ReportInputs:
    """The material with the decisions of some pairs changed; all others are undecided."""
    material = read_inputs(folder)
    pairs = material.scores.pairs
    asked = tuple(replace(pair, question=question) for pair in with_decisions(pairs, decisions))
    return with_pairs(material, asked if question == "weights" else (*pairs, *asked))


def with_decisions(pairs: tuple[Pair, ...], decisions: dict) -> tuple[Pair, ...]:
    """All pairs that are not named are undecided."""
    found = [decisions.get((pair.model_a, pair.model_b), "undecided") for pair in pairs]
    return tuple(replace(pair, decision=d) for pair, d in zip(pairs, found, strict=True))


def with_pairs(material: ReportInputs, pairs: tuple[Pair, ...]) -> ReportInputs:
    return replace(material, scores=replace(material.scores, pairs=pairs))


def test_undecided_pairs_are_no_verdict(three: ComparisonFolder) -> None:
    said = answer(decided(three, {}))
    assert said.headline == "No model is shown to be better than another on ROC-AUC."
    assert [v.decided for v in said.verdicts] == [False] * 3
    assert "Not shown to beat the DAB baseline: LeNet, AlexNet, mini-HAHNet." in said.baselines


def test_one_model_better_than_all(three: ComparisonFolder) -> None:
    wins = {("lenet", "alexnet"): "b", ("alexnet", "mini_hahnet"): "a"}
    assert answer(decided(three, wins)).headline == (
        "These trained weights of AlexNet (one seed) are better than every other model’s on "
        "ROC-AUC: retraining variability is not known."
    )


def test_the_headline_answers_for_the_recipe_where_it_can(three: ComparisonFolder) -> None:
    """What the weights say is then no headline, whatever they say."""
    wins = {("lenet", "alexnet"): "b", ("alexnet", "mini_hahnet"): "a"}
    said = answer(decided(three, wins, "recipe"))
    assert said.headline == "AlexNet is better than every other model on ROC-AUC."
    material = decided(three, {}, "recipe")
    weights = with_decisions(primary_pairs(material, "weights"), wins)
    material = with_pairs(material, (*weights, *primary_pairs(material, "recipe")))
    assert answer(material).headline == "No model is shown to be better than another on ROC-AUC."


def test_one_unanswered_pair_of_networks_leaves_the_weights(three: ComparisonFolder) -> None:
    material = decided(three, {("lenet", "alexnet"): "unanswered"}, "recipe")
    assert shown_question(material) == "weights"
    material = decided(three, {("lenet", "dab_baseline"): "unanswered"}, "recipe")
    assert shown_question(material) == "recipe"


def test_one_win_is_not_called_best(three: ComparisonFolder) -> None:
    said = answer(decided(three, {("lenet", "alexnet"): "a"}))
    assert said.headline == (
        "1 of 3 pairs of models differ on ROC-AUC with these trained weights; for 2 no difference "
        "is shown: retraining variability is not known."
    )
    assert "LeNet is better" not in said.headline


def test_what_is_not_shown_is_not_called_the_same(three: ComparisonFolder) -> None:
    some = {("lenet", "alexnet"): "a", ("lenet", "mini_hahnet"): "equivalent"}
    assert answer(decided(three, some, "recipe")).headline == (
        "1 of 3 pairs of models differ on ROC-AUC; 1 equivalent within ±0.02, for 1 no difference "
        "is shown."
    )


def test_a_metric_with_values_is_not_called_undefined(three: ComparisonFolder) -> None:
    """With one slide of a class ROC-AUC has a value and no variance."""
    every = {(a, b): "undefined" for i, a in enumerate(MODELS) for b in MODELS[i + 1 :]}
    material = decided(three, every)
    assert answer(material).headline == (
        "No verdict: the variance of ROC-AUC cannot be estimated from these slides."
    )
    without = tuple(replace(pair, difference=None) for pair in material.scores.pairs)
    assert answer(with_pairs(material, without)).headline == (
        "No verdict: ROC-AUC is undefined on these tiles."
    )


def test_models_that_are_not_finished_are_named(three: ComparisonFolder) -> None:
    material = replace(decided(three, {}), missing=[("net", 0, 0), ("net", 1, 0), ("lenet", 3, 0)])
    assert answer(material).headline == (
        "No model is shown to be better than another on ROC-AUC. net is not finished and not in "
        "this comparison."
    )


def test_a_verdict_shows_p_before_and_after_the_correction(three: ComparisonFolder) -> None:
    material = decided(three, {})
    pairs = tuple(replace(p, p_value=0.01, p_adjusted=0.03) for p in material.scores.pairs)
    for verdict in answer(with_pairs(material, pairs)).verdicts:
        assert "p\u00a0=\u00a00.010, adjusted\u00a0p\u00a0=\u00a00.030" in verdict.numbers


def test_equivalent_needs_all_pairs(three: ComparisonFolder) -> None:
    every = {(a, b): "equivalent" for i, a in enumerate(MODELS) for b in MODELS[i + 1 :]}
    assert answer(decided(three, every)).headline == (
        "These trained weights are equivalent within ±0.02 ROC-AUC: retraining variability is not "
        "known."
    )
    again = answer(decided(three, every, "recipe"))
    assert again.headline == "The models are equivalent within ±0.02 ROC-AUC."
    every.pop(("lenet", "alexnet"))
    assert "equivalent" not in answer(decided(three, every)).headline


def test_a_baseline_that_beats_a_network_is_not_beaten_by_it(three: ComparisonFolder) -> None:
    material = decided(three, {("lenet", "dab_baseline"): "b", ("alexnet", "dab_baseline"): "a"})
    assert not_beating(material, "dab_baseline") == ["lenet", "mini_hahnet"]
    said = answer(material).baselines
    assert "Shown to beat the DAB baseline: AlexNet; not shown to beat" in " ".join(said)
    caution = next(c for c in report_warnings(material) if c.title == "DAB baseline not beaten")
    assert "AlexNet" not in caution.text and "LeNet, mini-HAHNet" in caution.text


def test_networks_come_before_baselines_and_other_questions_are_left_out(
    three: ComparisonFolder,
) -> None:
    material = decided(three, {})
    first, *_ = material.scores.pairs
    extra, other = replace(first, question="recipe"), replace(first, metric="accuracy")
    material = with_pairs(material, (*material.scores.pairs, extra, other))
    pairs = primary_pairs(material)
    assert len(pairs) == 9, "the pair of baselines is left out"
    assert [p.model_b for p in pairs[:3]] == ["alexnet", "mini_hahnet", "mini_hahnet"]
    assert extra in primary_pairs(material, "recipe")


def test_tiles_on_both_sides_are_found(tmp_path: Path) -> None:
    folder = make_comparison(tmp_path / "c", seeds=(0,), gallery=False)
    material = read_inputs(folder)
    assert not optimistic_figures(material)
    tested = material.predictions["tile_id"].str.replace("-val-", "-test-")
    leaked = material.predictions.with_columns(tested.alias("tile_id"))
    titles = [c.title for c in report_warnings(replace(material, predictions=leaked))]
    assert "Tuned on test tiles" in titles
    slides = material.predictions["group_id"].str.replace("-train-", "-test-")
    shared = material.predictions.with_columns(slides.alias("group_id"))
    titles = [c.title for c in report_warnings(replace(material, predictions=shared))]
    assert "Slides on both sides of the split" in titles


def test_notes_that_are_warnings_are_not_said_twice(tmp_path: Path) -> None:
    material = read_inputs(make_comparison(tmp_path / "c", slides=8, gallery=False))
    titles = [c.title for c in report_warnings(material)]
    assert titles.count("Few slides") == 1
    assert not any("(test)" in note for note in lesser_notes(material))
    assert any("(train)" in note for note in lesser_notes(material))

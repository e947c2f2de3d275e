"""Verdicts: on the study's counts, on the baselines, and what must be refused."""

import numpy as np
import polars as pl
import pytest
from tests.evaluation.conftest import STUDY, always_positive, counts_table, simulated

from her2bench.core.errors import UserError
from her2bench.core.predictions import check_predictions
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.metrics import METRICS, names_of
from her2bench.evaluation.statistics.multiplicity import holm

FAST = ScoreSettings(bootstrap=200, flips=999)


def pair(scores, metric, question="weights", models=None):
    found = [
        p
        for p in scores.pairs
        if (p.metric, p.question) == (metric, question) and models in (None, (p.model_a, p.model_b))
    ]
    assert len(found) == 1
    return found[0]


def studies_scores(model="mini_hahnet", **settings):
    table = counts_table(model, STUDY[model])
    together = pl.concat([always_positive(table), table])
    return score_predictions(check_predictions(together), FAST.model_copy(update=settings))


def test_mini_hahnet_cannot_be_told_from_always_positive_on_accuracy():
    found = pair(studies_scores(), "accuracy")
    assert (found.model_a, found.model_b) == ("mini_hahnet", "always_positive")
    assert found.difference == pytest.approx(2 / 779)
    assert found.low < 0 < found.high
    assert "no significant difference" in found.verdict and found.decision == "undecided"
    assert "not shown to beat always positive" in found.verdict
    # 14 tiles differ, 8 one way and 6 the other: the exact sign test.
    assert found.p_value == pytest.approx(0.79, abs=0.02)


def test_unknown_slides_are_said_in_every_verdict():
    assert all(
        "slides unknown" in p.verdict
        for p in studies_scores().pairs
        if p.decision not in ("undefined", "unanswered")
    )


def test_an_equivalence_is_claimed_on_the_primary_metric_only():
    on_accuracy = pair(studies_scores(primary="accuracy"), "accuracy")
    assert on_accuracy.decision == "equivalent"
    assert "no significant difference, and equivalent within ±0.02" in on_accuracy.verdict
    assert pair(studies_scores(primary="roc_auc"), "accuracy").p_equivalent is None


def test_mcnemar_beside_where_asked_for():
    assert pair(studies_scores(), "accuracy").mcnemar_p_value is None
    scores = studies_scores(mcnemar=True)
    found = pair(scores, "accuracy")
    assert (found.mcnemar_only_a_right, found.mcnemar_only_b_right) == (8, 6)
    assert found.mcnemar_p_value == pytest.approx(0.7905, abs=1e-4)
    assert "mcnemar" in {note.kind for note in scores.notes}


def test_the_studys_rows_cannot_be_compared():
    tables = [counts_table(model, STUDY[model]) for model in STUDY]
    with pytest.raises(UserError, match=r"(?s)lenet.*mini_hahnet.*12 of 779"):
        score_predictions(check_predictions(pl.concat(tables)), FAST)


def test_models_on_different_tiles_are_refused_with_their_number(two_models):
    less = two_models.filter((pl.col("model") == "a") | (pl.col("tile_id") > "test-0004"))
    with pytest.raises(UserError, match=r"5 only in model a\n +test-0000"):
        score_predictions(less, FAST)


def test_different_tiles_matter_on_test_only():
    table = simulated(splits=("train", "val", "test"))
    other_val = table.filter(
        (pl.col("model") == "a") | (pl.col("split") != "val") | (pl.col("tile_id") > "val-0010")
    )
    assert score_predictions(other_val, FAST).pairs


def test_every_pair_on_every_metric_and_holm_over_the_pairs():
    scores = score_predictions(simulated(models=("a", "b", "c")), FAST)
    weights = [p for p in scores.pairs if p.question == "weights"]
    assert len(weights) == 3 * len(names_of("binary"))
    for metric in ("roc_auc", "f1", "brier"):
        family = [p for p in weights if p.metric == metric]
        adjusted = holm(np.array([p.p_value for p in family]))
        assert [p.p_adjusted for p in family] == pytest.approx(list(adjusted))


def test_baselines_cost_the_networks_no_power():
    """Holm among the networks is the same with and without baselines beside them."""
    models = ("a", "b", "c", "dab_baseline", "background_baseline")
    table = simulated(models=models)
    everyone = score_predictions(table, FAST)
    alone = score_predictions(table.filter(~pl.col("model").str.ends_with("baseline")), FAST)
    networks = [p for p in everyone.pairs if p.family == "networks"]
    assert [p.p_adjusted for p in networks] == [p.p_adjusted for p in alone.pairs]
    weights = [p for p in everyone.pairs if (p.question, p.metric) == ("weights", "roc_auc")]
    against = [p for p in weights if p.family == "against baselines"]
    assert len(against) == 6
    adjusted = holm(np.array([p.p_value for p in against]))
    assert [p.p_adjusted for p in against] == pytest.approx(list(adjusted))
    [two] = [p for p in weights if p.family == "baselines"]
    assert two.p_adjusted == two.p_value
    assert any(
        "over the 3 pairs of models and, separately, the 6 pairs of a model and a baseline"
        in note.text
        for note in everyone.notes
    )


def test_few_seeds_are_said():
    for seeds, said in ((2, False), (3, True), (5, False)):
        notes = score_predictions(simulated(seeds=seeds, groups=20), FAST).notes
        few = [note.text for note in notes if note.kind == "few_seeds"]
        assert any(text.startswith("a has 3, b has 3.") for text in few) == said


def test_the_recipe_needs_three_seeds():
    for seeds in (1, 2):
        scores = score_predictions(simulated(seeds=seeds), FAST)
        found = pair(scores, "roc_auc", "recipe")
        assert found.decision == "unanswered" and found.p_value is None
        assert f"there are {seeds} and {seeds}" in found.verdict
        assert not any(row.recipe_low for row in scores.rows)
    scores = score_predictions(simulated(seeds=3), FAST)
    assert pair(scores, "roc_auc", "recipe").p_value is not None
    assert not any(note.kind == "weights_only" for note in scores.notes)


def test_a_baseline_of_one_seed_is_a_recipe_without_chance():
    table = simulated(models=("net", "dab_baseline"), seeds=3)
    table = table.filter((pl.col("model") == "net") | (pl.col("seed") == 0))
    assert pair(score_predictions(table, FAST), "roc_auc", "recipe").p_value is not None


def test_a_network_that_does_not_beat_the_dab_baseline_is_said_not_to():
    scores = score_predictions(simulated(models=("dab_baseline", "net")), FAST)
    found = pair(scores, "roc_auc")
    assert (found.model_a, found.model_b) == ("net", "dab_baseline")
    assert found.verdict.startswith("net is not shown to beat the DAB baseline: ")
    [note] = [note for note in scores.notes if note.kind == "no_better_than_baseline"]
    assert "net is not shown to beat the DAB baseline" in note.text and note.models == ("net",)


def better_and_worse():
    table = simulated(groups=40)
    sharper = pl.when(pl.col("model") == "a").then(pl.col("target") * 2.0 - 1).otherwise(0.0)
    logit = pl.col("logit") + sharper
    return check_predictions(table.with_columns(probability=1 / (1 + (-logit).exp())).drop("logit"))


@pytest.mark.slow
def test_a_better_model_is_said_to_be_better_and_swapping_flips_signs():
    table = better_and_worse()
    scores = score_predictions(table, FAST)
    for metric in ("roc_auc", "accuracy", "brier", "log_loss"):
        found = pair(scores, metric)
        assert found.decision == "a" and found.verdict == "a better than b"
        assert (found.difference > 0) == METRICS[metric].higher_is_better
    renamed = table.with_columns(model=pl.col("model").replace({"a": "b", "b": "a"}))
    for metric in names_of("binary"):
        one, other = pair(scores, metric), pair(score_predictions(renamed, FAST), metric)
        assert (other.model_a, other.model_b) == ("b", "a")
        assert other.difference == pytest.approx(one.difference)
        swapped = score_predictions(renamed.sort("model"), FAST)
        mirrored = pair(swapped, metric)
        assert mirrored.difference == pytest.approx(-one.difference)
        assert mirrored.p_value == pytest.approx(one.p_value, abs=1e-9)
        assert (mirrored.low, mirrored.high) == pytest.approx((-one.high, -one.low), abs=0.02)


def test_an_undefined_metric_has_no_verdict():
    found = pair(studies_scores(), "mcc")
    assert found.difference is None and found.decision == "undefined"
    assert found.verdict.startswith("undefined")


def models(a, b, seeds=1, groups=40):
    """A table of simulated tiles on which two models' logits are functions of the first's."""
    table = simulated(seeds=seeds, groups=groups).filter(pl.col("model") == "a")
    both = [
        table.with_columns(model=pl.lit(name), logit=change(pl.col("logit")))
        for name, change in (("a", a), ("b", b))
    ]
    return check_predictions(
        pl.concat(both).with_columns(probability=1 / (1 + (-pl.col("logit")).exp()))
    )


def test_models_of_equal_ranks_are_one_model_to_metrics_of_ranks():
    scores = score_predictions(models(lambda z: z, lambda z: 2 * z + 1), FAST)
    found = pair(scores, "roc_auc")
    assert (found.decision, found.difference) == ("equivalent", 0)
    assert (found.low, found.high, found.p_equivalent) == (0, 0, 0)
    precision = pair(scores, "average_precision")
    assert (precision.low, precision.high, precision.p_value) == (0, 0, 1)
    assert pair(scores, "brier").difference != 0
    calls = pair(score_predictions(models(lambda z: z, lambda z: 2 * z), FAST), "accuracy")
    assert (calls.low, calls.high, calls.p_value) == (0, 0, 1)


def test_ties_make_another_model():
    primary = FAST.model_copy(update={"margin": 1e-9})
    tied = models(lambda z: z, lambda z: z.round(0))
    found = pair(score_predictions(tied, primary), "roc_auc")
    assert found.decision == "undecided" and found.low < found.high


@pytest.mark.parametrize("metric", ["roc_auc", "brier"])
def test_the_slides_needed_are_a_range(metric):
    settings = FAST.model_copy(update={"primary": metric})
    found = pair(score_predictions(simulated(groups=40, seed=2), settings), metric)
    assert found.decision == "undecided" and 40 <= found.needed_low < found.needed_high
    assert f"roughly {found.needed_low:.0f} to {found.needed_high:.0f} slides" in found.verdict


def test_no_number_of_slides_is_named_for_a_pilot_or_beside_a_baseline():
    pilot = score_predictions(simulated(groups=19, seed=2), FAST)
    named = simulated(groups=40, seed=2, models=("a", "dab_baseline"))
    for scores in (pilot, score_predictions(named, FAST)):
        found = pair(scores, "roc_auc")
        assert found.decision == "undecided"
        assert found.needed_low is None and "would be needed" not in found.verdict


def test_no_range_of_slides_is_named_for_recipes_of_few_seeds():
    few = score_predictions(simulated(groups=40, seed=2, seeds=3), FAST)
    found = pair(few, "roc_auc", "recipe")
    assert found.decision == "undecided" and found.needed_low is None
    many = score_predictions(simulated(groups=40, seed=2, seeds=10), FAST)
    assert pair(many, "roc_auc", "recipe").needed_low is not None


def test_the_recipes_test_is_named_and_its_components_are_kept():
    scores = score_predictions(simulated(seeds=3, groups=30), FAST)
    recipe, weights = (pair(scores, "roc_auc", question) for question in ("recipe", "weights"))
    assert "Obuchowski-Rockette, seeds as readers nested in tests" in recipe.method
    assert recipe.se_slides == weights.se_slides > 0
    assert (weights.se_seeds_a, weights.se_seeds_b) == (0, 0)
    assert recipe.se_seeds_a is not None and 0 < recipe.df <= weights.df

"""Notes on the scores: limits of the data and of the tests."""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from her2bench.core.score_notes import Note, make_note
from her2bench.core.scores import Pair, Row
from her2bench.core.text import plural
from her2bench.core.vocabulary import BASELINES, CONSTANT
from her2bench.evaluation.scoring.extra_rows import label_of
from her2bench.evaluation.scoring.panels import difference_of_tiles
from her2bench.evaluation.scoring.questions import FEW_SEEDS, first_question
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.evaluation.statistics.arrays import FEW_GROUPS, LabelledTiles, ModelPredictions
from her2bench.evaluation.statistics.metrics import METRICS


def sample_notes(split: str, samples: Iterable[LabelledTiles]) -> list[Note]:
    """Notes on the slides and classes of one split, each once."""
    notes = [note for s in samples for note in (*_group_notes(split, s), *_class_notes(split, s))]
    return list(dict.fromkeys(notes))


def unlike_notes(split: str, tables: dict[str, pl.DataFrame]) -> list[Note]:
    """A note where models were scored on different tiles or against different targets.

    Args:
        split: the split.
        tables: model → its rows, sorted by tile_id.
    """
    (first, rows), *others = tables.items()
    differences = {name: difference_of_tiles(rows, table) for name, table in others}
    found = [f"{name}: {difference}" for name, difference in differences.items() if difference]
    if not found:
        return []
    text = (
        f"The models were scored on different {split} tiles or targets, so their metrics there "
        f"cannot be compared. Against {first}: {'; '.join(found)}."
    )
    return [make_note("different_tiles", text, split, tuple(tables))]


def constant_notes(split: str, answers: Iterable[ModelPredictions]) -> list[Note]:
    """Which models give every tile the same answer; baselines that are made for it are left out."""
    constant = [
        each.model
        for each in answers
        if each.model not in CONSTANT and (each.logits == each.logits[:, :1]).all()
    ]
    if not constant:
        return []
    names, verb = ", ".join(constant), plural(len(constant), "gives", "give")
    text = f"{names} {verb} every tile the same probability."
    return [make_note("constant_model", text, split, tuple(constant))]


def pair_notes(pairs: tuple[Pair, ...], settings: ScoreSettings) -> list[Note]:
    """Notes on the comparisons: what the verdicts mean, and which models beat no baseline."""
    if not pairs:
        return []
    primary = [pair for pair in pairs if pair.metric == settings.primary]
    recipes = [(pair.family, pair.decision) for pair in primary if pair.question == "recipe"]
    first = first_question(recipes)
    shown = [pair for pair in primary if pair.question == first]
    label = METRICS[settings.primary].label
    notes = [
        make_note(
            "no_better_than_baseline", f"On {label}, {pair.verdict}.", "test", (pair.model_a,)
        )
        for pair in shown
        if pair.model_b in BASELINES and pair.model_a not in BASELINES and pair.decision != "a"
    ]
    basis = (
        f"The verdict rests on {label}, chosen beforehand. p-values are corrected over "
        f"{_families(shown)}, but not over metrics. The margin ±{settings.margin:g} is on the "
        f"scale of {label}."
    )
    notes.append(make_note("verdict_basis", basis))
    if first == "weights":
        text = (
            "Verdicts are about these trained weights on new slides. Retraining "
            "variability needs at least 3 seeds per model."
        )
        notes.append(make_note("weights_only", text))
    if any(pair.mcnemar_p_value is not None for pair in pairs):
        text = "McNemar's test takes every tile as independent; it is shown, not used."
        notes.append(make_note("mcnemar", text))
    return notes


def seed_notes(pairs: tuple[Pair, ...], rows: list[Row], settings: ScoreSettings) -> list[Note]:
    """That few seeds say little about retraining variability."""
    answered = [
        pair
        for pair in pairs
        if (pair.metric, pair.question) == (settings.primary, "recipe")
        and pair.family != "baselines"
        and pair.decision != "unanswered"
    ]
    models = {name for pair in answered for name in (pair.model_a, pair.model_b)} - set(BASELINES)
    seeds = {row.model: row.seeds for row in rows if row.split == "test" and row.model in models}
    few = {model: number for model, number in seeds.items() if number < FEW_SEEDS}
    if not few:
        return []
    numbers = ", ".join(f"{model} has {number}" for model, number in few.items())
    text = (
        f"{numbers}. Retraining variability then rests on assumptions that so few seeds cannot "
        f"check; {FEW_SEEDS} or more are advised."
    )
    return [make_note("few_seeds", text, "test", tuple(few))]


def _families(pairs: list[Pair]) -> str:
    """The families that p-values are corrected within, with their numbers of pairs."""
    numbers = Counter(pair.family for pair in pairs)
    named = {
        "networks": "of models",
        "against baselines": "of a model and a baseline",
        "baselines": "of baselines",
    }
    parts = [
        f"the {numbers[family]} {plural(numbers[family], 'pair')} {words}"
        for family, words in named.items()
        if numbers[family]
    ]
    return " and, separately, ".join(parts)


def table_notes(table: pl.DataFrame) -> list[Note]:
    """How folds are put together, and that without test tiles no models are compared."""
    notes: list[Note] = []
    if not (table["split"] == "test").any():
        text = "Models are not compared, and the metrics are optimistic."
        notes.append(make_note("no_test_tiles", text))
    return [*notes, *_fold_notes(table.filter(pl.col("split") == "test"))]


def _fold_notes(test: pl.DataFrame) -> list[Note]:
    """How folds are put together: tiles are ranked within them, and whether each is scored once."""
    runs = test.filter(pl.col("fold").n_unique().over("model", "seed") > 1)
    if runs.is_empty():
        return []
    folds = runs["fold"].n_unique()
    ranked = (
        "ROC-AUC and average precision rank the tiles within each fold, since the scores of "
        "different networks need not be on one scale, and are averaged over folds, weighted by "
        "pairs of tiles and by positive tiles; the other metrics are of all tiles together, each "
        "predicted at its own fold's threshold."
    )
    if runs.select("model", "seed", "tile_id").is_duplicated().any():
        how = (
            f"The networks of {folds} folds scored the same tiles: a tile counts once for each, "
            "and folds are averaged like seeds."
        )
    else:
        how = (
            f"Predictions of {folds} folds: each tile is scored by the network that was not "
            "trained on it. The overlap of the folds' training tiles is taken as given."
        )
    classes = runs.group_by("model", "seed", "fold").agg(both=pl.col("target").n_unique() == 2)
    without = int((~classes["both"]).sum())
    notes = [make_note("folds", f"{how} {ranked}")]
    if not without:
        return notes
    text = (
        f"{without} of {len(classes)} folds hold test tiles of one class only and add nothing to "
        "ROC-AUC."
    )
    if without == len(classes):
        text = "ROC-AUC is undefined: no fold holds both classes among its test tiles."
    return [*notes, make_note("folds_of_one_class", text)]


def row_notes(rows: list[Row]) -> list[Note]:
    """What the label ceiling means, and which metrics are undefined on which split."""
    ceilings = [row for row in rows if (row.model, row.metric) == ("ceiling", "accuracy")]
    texts = [
        "The model “ceiling” is the label ceiling: each tile's own reference score against its "
        f"slide's label, correct on {row.value:.1%} of the {row.split} tiles. A model well above "
        "that has learned the slide, not the tile."
        for row in ceilings[-1:]
    ]
    undefined = [
        make_note(
            "undefined_metrics",
            f"Undefined for {model} ({', '.join(splits)}), not 0: {', '.join(labels)}.",
            models=(model,),
        )
        for (model, labels), splits in _undefined(rows).items()
    ]
    return [make_note("label_ceiling", text) for text in texts] + undefined


def _undefined(rows: list[Row]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    """(model, labels of its undefined metrics) → the splits where these are undefined."""
    labels: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.value is None:
            labels.setdefault((row.model, row.split), []).append(label_of(row.metric))
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (model, split), names in labels.items():
        together.setdefault((model, tuple(names)), []).append(split)
    return together


def _group_notes(split: str, sample: LabelledTiles) -> list[Note]:
    if not sample.known:
        text = (
            "No group_id, so each tile counts as independent. Tiles of one slide are not: these "
            "intervals are too narrow and these tests find differences that are not there (on data "
            "of BCI's shape, between equal models, 43 times in 100 instead of 5). Give the slide "
            "or patient of each tile as group_id."
        )
        return [make_note("slides_unknown", text, split)]
    positive, negative = sample.positive_groups, sample.negative_groups
    if sample.n_groups < FEW_GROUPS:
        held = ("", "") if sample.one_each else ("with ", " tiles")
        text = (
            f"{sample.n_groups} {plural(sample.n_groups, 'slide')}, {positive} {held[0]}positive "
            f"and {negative} {held[0]}negative{held[1]}. Intervals are wide and rest on "
            "assumptions that so few slides cannot check; treat the results as a pilot study."
        )
        return [make_note("few_slides", text, split)]
    if min(positive, negative) < FEW_GROUPS / 2:
        verb, ending = ("are", "") if sample.one_each else ("hold", " tiles")
        text = (
            f"Of {sample.n_groups} slides, {positive} {verb} positive{ending}, {negative} "
            f"negative{ending and ' ones'}; metrics that depend on the smaller class are as "
            "uncertain as in a study of that size."
        )
        return [make_note("few_slides_of_one_class", text, split)]
    return []


def _class_notes(split: str, sample: LabelledTiles) -> list[Note]:
    positives = int(sample.targets.sum())
    if 0 < positives < len(sample.targets):
        return []
    kind = "positive" if positives else "negative"
    text = (
        f"All {sample.n_tiles} tiles are {kind} (target {int(positives > 0)} in every row); "
        "ROC-AUC and whatever else needs both classes is undefined. Add tiles of the other class."
    )
    return [make_note("one_class_only", text, split)]

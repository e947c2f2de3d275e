"""What a reader must know before believing a number."""

from her2bench.evaluation.samples import Sample

FEW_GROUPS = 20


def sample_notes(split: str, samples: dict[str, Sample]) -> list[str]:
    """Notes on slides and classes of one split; models with the same sample share a note."""
    notes = []
    for sample in {id(s): s for s in _distinct(samples.values())}.values():
        notes += [*_group_notes(split, sample), *_class_notes(split, sample)]
    return list(dict.fromkeys(notes))


def _distinct(samples) -> list[Sample]:
    seen: dict[tuple, Sample] = {}
    for s in samples:
        key = (len(s.targets), int(s.targets.sum()), s.n_groups, s.known)
        seen.setdefault(key, s)
    return list(seen.values())


def _group_notes(split: str, sample: Sample) -> list[str]:
    if not sample.known:
        return [
            f"SLIDES UNKNOWN ({split}): no group_id, so each tile counts as independent. Tiles of "
            "one slide are not: these intervals are too narrow and these tests find differences "
            "that are not there (on data of BCI's shape, between equal models, 43 times in 100 "
            "instead of 5). Give the slide or patient of each tile as group_id."
        ]
    if sample.n_groups < FEW_GROUPS:
        return [
            f"Few slides ({split}): {sample.n_groups}, {sample.positive_groups} with positive and "
            f"{sample.negative_groups} with negative tiles. Intervals are wide and lean on "
            "assumptions that so few slides cannot check; take them as a pilot's."
        ]
    scarce = min(sample.positive_groups, sample.negative_groups)
    if scarce < FEW_GROUPS / 2:
        return [
            f"Few slides of one class ({split}): of {sample.n_groups}, "
            f"{sample.positive_groups} hold positive tiles, {sample.negative_groups} negative "
            f"ones; what rests on the scarcer "
            "class is as uncertain as in a study that small."
        ]
    return []


def _class_notes(split: str, sample: Sample) -> list[str]:
    positives = int(sample.targets.sum())
    if 0 < positives < len(sample.targets):
        return []
    kind = "positive" if positives else "negative"
    return [
        f"One class only ({split}): all {len(sample.targets)} tiles are {kind}; ROC-AUC and "
        "whatever else needs both classes is undefined."
    ]

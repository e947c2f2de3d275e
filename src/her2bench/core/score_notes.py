"""The notes of `scores.json`: warnings and explanations, by kind."""

from dataclasses import dataclass
from typing import Literal

from her2bench.core.audit_findings import Severity

NoteKind = Literal[
    "different_tiles",
    "slides_unknown",
    "random_tiles",
    "own_split_unused",
    "few_slides",
    "few_slides_of_one_class",
    "few_seeds",
    "one_class_only",
    "no_better_than_baseline",
    "no_test_tiles",
    "constant_model",
    "verdict_basis",
    "weights_only",
    "mcnemar",
    "thresholds",
    "folds",
    "folds_of_one_class",
    "label_ceiling",
    "undefined_metrics",
    "no_recalibration",
    "scaling_refused",
    "no_reference_score",
    "few_slides_of_a_score",
    "slides_of_several_scores",
    "predicted_score",
    "slide_aggregate",
    "few_validation_slides",
    "ensembles",
    "ensemble_validation",
    "small_subgroups",
]

KINDS: dict[NoteKind, tuple[Severity, str]] = {
    "different_tiles": ("serious", "Models on different tiles"),
    "slides_unknown": ("serious", "Slides unknown"),
    "random_tiles": ("serious", "Random tile split"),
    "own_split_unused": ("warning", "Your split was not used"),
    "few_slides": ("warning", "Few slides"),
    "few_slides_of_one_class": ("warning", "Few slides of one class"),
    "few_seeds": ("warning", "Few seeds"),
    "one_class_only": ("warning", "One class only"),
    "no_better_than_baseline": ("warning", "Baseline not beaten"),
    "no_test_tiles": ("warning", "No test tiles"),
    "constant_model": ("note", "Constant probability"),
    "verdict_basis": ("note", "Basis of the verdict"),
    "weights_only": ("note", "These trained weights only"),
    "mcnemar": ("note", "McNemar's test"),
    "thresholds": ("note", "Thresholds"),
    "folds": ("note", "Folds"),
    "folds_of_one_class": ("note", "Folds of one class"),
    "label_ceiling": ("note", "Label ceiling"),
    "undefined_metrics": ("note", "Undefined metrics"),
    "no_recalibration": ("note", "No recalibration"),
    "scaling_refused": ("note", "Scaling refused"),
    "no_reference_score": ("warning", "Reference score missing"),
    "few_slides_of_a_score": ("warning", "Few slides of a score"),
    "slides_of_several_scores": ("note", "Slides of several scores"),
    "predicted_score": ("note", "Predicted score"),
    "slide_aggregate": ("note", "From tiles to slides"),
    "few_validation_slides": ("warning", "Few validation slides"),
    "ensembles": ("note", "Ensembles"),
    "ensemble_validation": ("warning", "Validation tiles of an ensemble"),
    "small_subgroups": ("warning", "Small subgroups"),
}
"""Severity and title of each kind: `serious`: wrong results, `warning`: doubtful."""


@dataclass(frozen=True)
class Note:
    """One note. Programs go by `kind`; the wording of `text` may change at any time.

    Args:
        kind: a key of KINDS.
        severity: `serious`, `warning` or `note`.
        split: the split it is about; None where it is about all of them.
        text: one or more sentences, without the title.
        models: the models it is about; none where it is about all of them.
    """

    kind: NoteKind
    severity: Severity
    split: str | None
    text: str
    models: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """A few words that name it."""
        return KINDS[self.kind][1]

    @property
    def in_full(self) -> str:
        """The text under its title; a mere note about all splits needs none.

        >>> make_note("slides_unknown", "No group_id.", "test").in_full
        'SLIDES UNKNOWN (test): No group_id.'
        """
        if self.severity == "note" and self.split is None:
            return self.text
        title = self.title.upper() if self.severity == "serious" else self.title
        return f"{title} ({self.split}): {self.text}" if self.split else f"{title}: {self.text}"


def make_note(
    kind: NoteKind, text: str, split: str | None = None, models: tuple[str, ...] = ()
) -> Note:
    """A note with the severity of its kind."""
    return Note(kind, KINDS[kind][0], split, text, models)

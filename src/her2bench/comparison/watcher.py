"""The progress of a comparison, as reported to a bar or a log; imported without torch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from her2bench.comparison.plan import Job
    from her2bench.core.audit_findings import Finding
    from her2bench.training.epochs import Epoch


class Watcher:
    """Notified of the progress of a comparison; this base class does nothing."""

    def audited(self, findings: "Sequence[Finding]") -> None:
        """The findings of the audit, before training."""

    def planned(self, runs: "Sequence[tuple[Job, int]]") -> None:
        """All tunings and runs, and the number of epochs of each; a baseline has none."""

    def skipped(self, job: "Job") -> None:
        """A run was already finished."""

    def started(self, job: "Job") -> None:
        """A run begins or goes on."""

    def trained(self, share: float) -> None:
        """This share of an epoch's tiles has been trained on since the last call."""

    def trial(self, job: "Job", number: int, budget: int | None) -> None:
        """A trial of a tuning begins, counted from 1, of so many; None where seconds count."""

    def left_out(self, job: "Job", epochs: int) -> None:
        """So many planned epochs of a tuning are not needed: a trial was stopped early."""

    def epoch(self, job: "Job", row: "Epoch") -> None:
        """An epoch of a job has ended, in this call or before a stop."""

    def making(self, what: str) -> None:
        """The runs are finished; these results are being made: the scores, the report, ..."""

    def finished(self, job: "Job", val_auc: float | None) -> None:
        """A run is finished; its ROC-AUC on the validation tiles, where they have both classes."""

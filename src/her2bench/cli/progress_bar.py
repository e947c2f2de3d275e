"""The progress bar of a comparison; on a terminal only."""

from types import TracebackType

from her2bench.comparison.compare import Watcher
from her2bench.comparison.plan import Job
from her2bench.core.console import progress
from her2bench.training.epochs import Epoch


class Bar(Watcher):
    """Epochs done of all epochs, with the losses of the last one."""

    def __init__(self) -> None:
        self._progress = progress("epochs", transient=False)
        self._task = self._progress.add_task("preparing", total=None)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def planned(self, epochs: int) -> None:
        self._progress.update(self._task, description="training", total=epochs)

    def skipped(self, epochs: int) -> None:
        self._progress.advance(self._task, epochs)

    def epoch(self, job: Job, row: Epoch) -> None:
        losses = f"loss {row['train_loss']:.3f} train, {row['val_loss']:.3f} validation"
        self._progress.update(self._task, advance=1, description=f"{job}: {losses}")

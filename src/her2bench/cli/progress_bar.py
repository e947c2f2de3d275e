"""The progress of a comparison: a bar on a terminal, one line per finished run otherwise."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Column

from her2bench.comparison.watcher import Watcher
from her2bench.core.console import Terminal, on_screen
from her2bench.core.terminal import say
from her2bench.core.text import plural
from her2bench.core.vocabulary import model_label
from her2bench.report.formats import duration

if TYPE_CHECKING:
    from her2bench.comparison.plan import Job
    from her2bench.core.audit_findings import Finding
    from her2bench.training.epochs import Epoch


class Pace:
    """The time that is left, from the seconds that epochs of each model took here.

    >>> pace = Pace({"lenet": 4, "alexnet": 2})
    >>> pace.left() is None
    True
    >>> pace.measured("lenet", 10.0)
    >>> pace.left()  # three of lenet; alexnet's two are taken to be as long until one is measured
    50.0
    """

    def __init__(self, epochs: dict[str, int]) -> None:
        self._left = Counter(epochs)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._epochs: Counter[str] = Counter()

    def measured(self, model: str, seconds: float) -> None:
        """An epoch has ended."""
        self._left[model] -= 1
        self._seconds[model] += seconds
        self._epochs[model] += 1

    def done(self, model: str, epochs: int) -> None:
        """Epochs that were finished before."""
        self._left[model] -= epochs

    def left(self, model: str | None = None) -> float | None:
        """Seconds left, for one model or all; None before the first epoch."""
        if not self._epochs:
            return None
        every = sum(self._seconds.values()) / self._epochs.total()
        models = self._left if model is None else [model]
        return sum(max(self._left[each], 0) * self._rate(each, every) for each in models)

    def _rate(self, model: str, every: float) -> float:
        measured = self._epochs[model]
        return self._seconds[model] / measured if measured else every


class Bar(Watcher):
    """Progress of all runs on stderr; it begins before anything slow is imported."""

    def __init__(self) -> None:
        self._console = Terminal(stderr=True, piped=80)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None, table_column=Column(max_width=20)),  # gives way to text
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._screen = ExitStack()
        self._task = self._progress.add_task("preparing", total=None, left="")
        self._results: TaskID | None = None
        self._runs: list[tuple[Job, int]] = []
        self._pace, self._number, self._skipped, self._trials = Pace({}), 0, 0, 0
        self._shown = self._whole = 0.0
        self._begun = self._last = time.monotonic()

    def __enter__(self) -> "Bar":
        self._screen.enter_context(on_screen(self._progress))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._screen.close()

    def audited(self, findings: "Sequence[Finding]") -> None:
        for finding in findings:
            if finding.severity == "serious":
                self._console.print(f"in the data: {finding.title}", style="bold red")
                self._console.print(f"Hint: {finding.hint}")

    def planned(self, runs: "Sequence[tuple[Job, int]]") -> None:
        self._runs = list(runs)
        epochs: Counter[str] = Counter()
        for job, number in runs:
            epochs[job.model] += number
        self._pace = Pace({model: number for model, number in epochs.items() if number})
        self._progress.update(self._task, description="training", total=epochs.total())

    def skipped(self, job: "Job") -> None:
        epochs = dict(self._runs)[job]
        self._number, self._skipped = self._number + 1, self._skipped + 1
        self._pace.done(job.model, epochs)
        self._progress.advance(self._task, epochs)

    def started(self, job: "Job") -> None:
        self._say_skipped()
        self._number += 1
        self._begun = self._last = time.monotonic()
        self._shown = self._whole = self._progress.tasks[0].completed
        self._end_results()
        self._progress.update(self._task, description=self._named(job), left=self._left(job.model))

    def trained(self, share: float) -> None:
        self._shown = min(self._shown + share, self._whole + 0.95)  # validation is still to come
        self._progress.update(self._task, completed=self._shown)

    def trial(self, job: "Job", number: int, budget: int | None) -> None:
        self._trials = number
        trial = f"trial {number}/{budget}" if budget else f"trial {number}"
        self._progress.update(self._task, description=f"{self._named(job)} {trial}")

    def left_out(self, job: "Job", epochs: int) -> None:
        self._pace.done(job.model, epochs)
        self._whole += epochs
        self._shown = self._whole
        self._progress.update(self._task, completed=self._whole, left=self._left(job.model))

    def epoch(self, job: "Job", row: "Epoch") -> None:
        now = time.monotonic()
        self._pace.measured(job.model, now - self._last)
        self._last, self._whole = now, self._whole + 1
        self._shown = self._whole
        self._progress.update(self._task, completed=self._whole, left=self._left(job.model))

    def finished(self, job: "Job", val_auc: float | None) -> None:
        auc = "" if val_auc is None else f"  val AUC {val_auc:.2f}"
        left = self._pace.left()
        last = "" if not left else f"  about {duration(left)} left"
        seconds, trials = time.monotonic() - self._begun, self._trials
        made, self._trials = f"  {trials} {plural(trials, 'trial')}" if trials else "", 0
        self._say(f"{self._named(job)}{auc}{made}  {duration(seconds)}{last}")

    def making(self, what: str) -> None:
        self._say_skipped()
        self._say(f"making the {what}")
        self._end_results()
        self._progress.update(self._task, visible=False)
        self._results = self._progress.add_task(f"making the {what}", total=None, left="")

    def _end_results(self) -> None:
        """The training's bar again, where the comparison trains a second time."""
        if self._results is not None:
            self._progress.remove_task(self._results)
            self._progress.update(self._task, visible=True)
            self._results = None

    def _left(self, model: str) -> str:
        mine, left = self._pace.left(model), self._pace.left()
        return "" if left is None else f"{duration(mine)}, all {duration(left)} left"

    def _named(self, job: "Job") -> str:
        every = str(len(self._runs))
        place = f"[{self._number:>{len(every)}}/{every}]"
        return f"{place} {model_label(job.model)} {job.detail}"

    def _say_skipped(self) -> None:
        if self._skipped:
            self._say(f"{self._skipped} of {len(self._runs)} runs were finished before")
            self._skipped = 0

    def _say(self, text: str) -> None:
        """A line where there is no bar."""
        if self._progress.disable:
            say(text, error=True)

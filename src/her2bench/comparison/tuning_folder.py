"""Where the trials of a model on a fold are kept, and the record of what they chose."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import BaseModel

from her2bench.core.checksums import damaged, read_record, write_record
from her2bench.core.config import settings_from
from her2bench.core.errors import UserError
from her2bench.core.notes import note
from her2bench.core.run_folder import RunFolder
from her2bench.core.runs import ComparisonFolder
from her2bench.core.score_parts import TunedModel


class _Record(BaseModel):
    """The types of what TUNED holds."""

    study: str
    tuned: TunedModel


@dataclass(frozen=True)
class TuningFolder:
    """`runs/<model>/tuning/fold-<k>/`: the trials as an Optuna study, and TUNED, written last."""

    path: Path

    @classmethod
    def of(cls, folder: ComparisonFolder, model: str, fold: int) -> "TuningFolder":
        return cls(folder.path / "runs" / model / "tuning" / f"fold-{fold}")

    @property
    def trials(self) -> Path:
        """The SQLite file of the study."""
        return self.path / "trials.sqlite"

    @property
    def record(self) -> Path:
        return self.path / "TUNED"

    def trial(self, number: int) -> RunFolder:
        """Where a trial in progress keeps what it needs to go on."""
        return RunFolder(self.path / f"trial-{number}")

    def forget_trials(self, but: int | None = None) -> None:
        """Delete the files of all trials but one."""
        for path in self.path.glob("trial-*"):
            if but is None or path != self.trial(but).path:
                shutil.rmtree(path, ignore_errors=True)

    def write(self, study: str, tuned: TunedModel) -> None:
        """Write TUNED."""
        write_record(self.record, {"study": study, "tuned": asdict(tuned)})

    def read(self, study: str) -> TunedModel | None:
        """What the trials of a study chose; None where they are not finished.

        A damaged record is made again from the trials.

        Raises:
            UserError: it is the record of another study.
        """
        if not self.record.is_file():
            return None
        try:
            found = settings_from(_Record, read_record(self.record), self.record)
        except (ValueError, OSError, UserError) as error:
            note(self.record, f"damaged ({error}): written again from the trials")
            return None
        if found.study != study:
            raise _another(self.record, [found.study], study)
        return found.tuned

    def check_trials(self, study: str) -> None:
        """Refuse a file of trials that is damaged or of another study.

        Raises:
            UserError: names the file and how to go on.
        """
        if not self.trials.exists():
            return
        try:
            with closing(sqlite3.connect(self.trials)) as base:
                sound = base.execute("PRAGMA quick_check").fetchone()[0]
                if sound != "ok":
                    raise sqlite3.DatabaseError(sound)
                names = [row[0] for row in base.execute("SELECT study_name FROM studies")]
        except sqlite3.Error as error:
            again = f"delete {self.path}: its trials are made again"
            raise damaged(self.trials, str(error), again) from error
        if names != [study]:
            raise _another(self.trials, names, study)


def _another(path: Path, found: list[str], expected: str) -> UserError:
    return UserError(
        path,
        found="trials of another tuning: " + (", ".join(map(repr, found)) or "no study"),
        expected=f"those of {expected!r} (model, fold, and a key of settings and tiles)",
        hint=f"delete {path.parent}: its trials are made again; or name another output with -o",
    )

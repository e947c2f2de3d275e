"""A run folder: what lies where, when the run counts as done, and whether its files are whole."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from her2bench.core.checksums import checksum, damaged, opened_record, write_record
from her2bench.core.config import settings_from

_AGAIN = "run the comparison again: this run is then done again, the others are kept"

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Done(BaseModel):
    """The types of what DONE holds; a baseline's and an earlier version's hold less."""

    parameters: _Count = 0
    multiply_adds: _Count = 0
    threshold: _Finite = 0.0
    learning_rate: _Finite = 0.0
    epoch: _Count = 0  # of version 0.2, counted from 0
    kept_epoch: _Count = 0
    micro_batch: _Count = 0
    train_seconds: _Finite = 0.0
    tuning_seconds: _Finite = 0.0
    tuned: dict[str, _Finite] = {}
    train_tiles_per_second: _Finite = 0.0
    predict_tiles_per_second: _Finite = 0.0
    peak_memory_gb: _Finite = 0.0
    peak_device_memory_gb: _Finite = 0.0
    device: str = ""
    hardware: str = ""
    finished: str = ""
    versions: str = ""
    files: dict[str, str] = {}


@dataclass(frozen=True)
class RunFolder:
    """`runs/<model>/seed-<s>/fold-<k>/`: config, metrics, weights, predictions, DONE."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def weights(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.parquet"

    @property
    def unfinished(self) -> Path:
        """Where the run in progress keeps what it needs to go on; gone when it is done."""
        return self.path / "unfinished"

    @property
    def done(self) -> bool:
        return (self.path / "DONE").is_file()

    @property
    def files(self) -> tuple[Path, ...]:
        """What DONE vouches for; a baseline has no metrics and no weights."""
        return self.config, self.metrics, self.weights, self.predictions

    def mark_done(self, summary: dict[str, Any]) -> None:
        """Write DONE, the last file of a run: as TOML its summary and the files' checksums."""
        sums = {path.name: checksum(path) for path in self.files if path.is_file()}
        today = datetime.now(UTC).date().isoformat()
        write_record(self.path / "DONE", {**summary, "finished": today, "files": sums})

    def summary(self) -> dict[str, Any]:
        """Run summary: parameters, seconds, images per second, threshold, epoch.

        Raises:
            UserError: DONE is damaged.
        """
        return {key: value for key, value in self._record().items() if key != "files"}

    def set_threshold(self, logit: float) -> None:
        """Change the frozen threshold of a finished run, which DONE alone decides."""
        record = self._record()
        if record.get("threshold") != logit:
            write_record(self.path / "DONE", {**record, "threshold": logit})

    def check(self, *files: Path) -> None:
        """Refuse files of a finished run that are not as they were when it was done.

        Raises:
            UserError: one of them, or DONE, is damaged, missing or another run's.
        """
        sums = self._record().get("files")
        if sums is None:  # an earlier version wrote none
            return
        for path in files:
            expected = sums.get(path.name)
            found = checksum(path) if path.is_file() else None
            if found != expected:
                raise damaged(path, "missing" if found is None else "not as DONE says", _AGAIN)

    def _record(self) -> dict[str, Any]:
        record = opened_record(self.path / "DONE", _AGAIN, sealed=False)
        if "files" not in record and not {"parameters", "threshold"} <= set(record):
            raise damaged(self.path / "DONE", "not whole", _AGAIN)
        settings_from(_Done, record, self.path / "DONE")
        return record

"""The comparison folder: what lies where, which runs are done, and whether its files are whole."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from her2bench.core.atomic_io import replacing
from her2bench.core.checksums import RECORD, checksum, damaged, opened_record, write_record
from her2bench.core.config import parsed_toml, settings_from
from her2bench.core.errors import UserError
from her2bench.core.run_folder import RunFolder
from her2bench.core.vocabulary import model_name

_AGAIN = "run the comparison again; what is finished is kept"


class _Chosen(BaseModel):
    """The types of those settings of a comparison that readers of its folder go by."""

    models: list[str] = []
    baselines: list[str] = []
    seeds: list[int] = []
    split: dict[str, Any] = {}
    score: dict[str, Any] = {}


class _Sums(BaseModel):
    files: dict[str, str]


@dataclass(frozen=True)
class ComparisonFolder:
    """One comparison: settings, manifest, splits, runs, predictions, scores, report."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "comparison.toml"

    def settings(self) -> dict[str, Any]:
        """What comparison.toml holds.

        Raises:
            UserError: it is damaged.
        """
        self.check(self.config)
        try:
            settings = parsed_toml(self.config.read_text(encoding="utf-8"))
        except ValueError as error:  # no TOML, or no UTF-8
            raise damaged(self.config, str(error), _AGAIN) from error
        settings_from(_Chosen, settings, self.config)
        return settings

    def seal(self, *files: Path) -> None:
        """Note the checksums of files just written; those of other files stay."""
        sums = self._checksums() if self.checksums.is_file() else {}
        sums |= {path.name: checksum(path) for path in files if path.is_file()}
        write_record(self.checksums, {"files": sums})

    def check(self, *files: Path) -> None:
        """Refuse files that are not as `her2bench compare` left them; unknown ones pass.

        Raises:
            UserError: one of them, or the record of checksums, is damaged.
        """
        sums = self._checksums() if self.checksums.exists() else {}
        for path in files:
            if path.is_file() and sums.get(path.name) not in (None, checksum(path)):
                raise damaged(path, "its checksum is another", _AGAIN)

    def _checksums(self) -> dict[str, str]:
        record = opened_record(self.checksums, _AGAIN)
        return settings_from(_Sums, record, self.checksums).files

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.parquet"

    @property
    def splits(self) -> Path:
        return self.path / "splits.parquet"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.parquet"

    @property
    def scores(self) -> Path:
        return self.path / "scores.json"

    @property
    def table(self) -> Path:
        return self.path / "table.csv"

    @property
    def slide_table(self) -> Path:
        """The table at slide level, where the scores have one."""
        return self.path / "table_slides.csv"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def bad_tiles(self) -> Path:
        return self.path / "bad_tiles.csv"

    @property
    def tiles_key(self) -> Path:
        """Names the images' content, as the tile cache does."""
        return self.path / "tiles.key"

    @property
    def checksums(self) -> Path:
        """The checksums of the files beside it, against damage."""
        return self.path / RECORD

    @property
    def first_files(self) -> tuple[Path, ...]:
        """What is written before comparison.toml, which makes the folder whole."""
        return self.manifest, self.splits, self.bad_tiles, self.tiles_key

    @property
    def audit(self) -> Path:
        return self.path / "audit.json"

    @property
    def audit_page(self) -> Path:
        return self.path / "audit.html"

    @property
    def audit_pictures(self) -> Path:
        return self.path / "audit"

    @property
    def random_tiles(self) -> "ComparisonFolder":
        """The same comparison with tiles divided at random, where it was asked for."""
        return ComparisonFolder(self.path / "random-tiles")

    def run(self, model: str, seed: int, fold: int) -> RunFolder:
        return RunFolder(self.path / "runs" / model / f"seed-{seed}" / f"fold-{fold}")

    def finished_runs(self) -> list[tuple[str, int, int, RunFolder]]:
        """Model, seed, fold and folder of each finished run of this comparison, in order.

        Folders that it does not make are passed over: of another name, model or seed.
        """
        settings = self.settings() if self.config.is_file() else None
        found = []
        for done in self.path.glob("runs/*/seed-*/fold-*/DONE"):
            model, *numbers = done.parts[-4:-1]
            match = re.fullmatch(r"seed-(0|[1-9]\d*)/fold-(0|[1-9]\d*)", "/".join(numbers))
            if match and done.is_file():
                seed, fold = (int(number) for number in match.groups())
                if settings is None or _planned(settings, model, seed):
                    found.append((model, seed, fold, RunFolder(done.parent)))
        return sorted(found, key=lambda entry: entry[:3])


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _planned(settings: dict[str, Any], model: str, seed: int) -> bool:
    if model in settings.get("baselines", []):
        return seed == 0
    models = map(model_name, settings.get("models", [model]))
    return model in models and seed in settings.get("seeds", [seed])


def opened_comparison(path: Path) -> ComparisonFolder:
    """The comparison folder at `path`.

    Raises:
        UserError: there is none.
    """
    folder = ComparisonFolder(Path(path))
    if not folder.config.is_file():
        raise UserError(
            path,
            found="no comparison (no comparison.toml in it)",
            expected="the output folder of `her2bench compare`",
            hint=_AGAIN
            if (folder.path / "runs").is_dir()
            else "give the folder that `compare` printed",
        )
    return folder

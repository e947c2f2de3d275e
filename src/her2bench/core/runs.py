"""The comparison folder and its run folders: what lies where, and when a run counts as done."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from her2bench.core.errors import UserError
from her2bench.core.files import replacing


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

    def mark_done(self, summary: dict[str, Any]) -> None:
        """Write DONE, the last file of a run; inside, as TOML, what the run came to."""
        write_text(self.path / "DONE", tomli_w.dumps(summary))

    def summary(self) -> dict[str, Any]:
        """What the run came to: parameters, seconds, images per second, threshold, epoch.

        Raises:
            UserError: DONE is damaged.
        """
        cure = "delete the run folder and run `her2bench compare` again"
        return _read_toml(self.path / "DONE", cure)


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
        cure = "delete this file and run the same comparison again; what is finished is kept"
        return _read_toml(self.config, cure)

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
        """Model, seed, fold and folder of each finished run, in order."""
        found = []
        for done in self.path.glob("runs/*/seed-*/fold-*/DONE"):
            model, seed, fold = done.parts[-4:-1]
            number = int(seed.removeprefix("seed-")), int(fold.removeprefix("fold-"))
            found.append((model, *number, RunFolder(done.parent)))
        return sorted(found, key=lambda entry: entry[:3])


def write_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _read_toml(path: Path, cure: str) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            path,
            found=f"cannot be read: no TOML ({error})",
            expected="the file as `her2bench compare` wrote it",
            cure=cure,
        ) from error


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
            cure="give the folder that `compare` printed",
        )
    return folder

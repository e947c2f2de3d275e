"""Methods and settings: tiles and slides, split, settings, versions, the command."""

import shlex
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import polars as pl

from her2bench.report.inputs import ReportInputs

SPLIT_KINDS = {
    "grouped": "by whole slides (grouped)",
    "grouped-kfold": "cross-validation by whole slides (grouped k-fold)",
    "manifest": "as given in the manifest",
    "random-tiles": "random tiles: slides are split across partitions",
}


def tile_counts(material: ReportInputs) -> list[dict[str, Any]]:
    """Tiles by split and IHC score, one row per split (and per fold, where there are several)."""
    splits, manifest = material.splits, material.manifest
    if not splits.height or "score" not in manifest.columns:
        return []
    table = splits.join(manifest.select("tile_id", "score"), on="tile_id", how="left")
    several = table["fold"].n_unique() > 1 if "fold" in table.columns else False
    rows = []
    for split in ("train", "val", "test"):
        part = table.filter(pl.col("split") == split)
        for fold in part["fold"].unique().sort() if several else [None]:
            mine = part if fold is None else part.filter(pl.col("fold") == fold)
            if mine.height:
                rows.append({"split": split, "fold": fold} | _counts(mine))
    return rows


def _counts(part: pl.DataFrame) -> dict[str, Any]:
    known = "group_id" in part.columns and not part["group_id"].is_null().all()
    by_score = dict(part["score"].value_counts().iter_rows())
    return {
        "tiles": part.height,
        "slides": part["group_id"].n_unique() if known else None,
        "positives": int(part["target"].sum()) if "target" in part.columns else None,
        "scores": [by_score.get(score, 0) for score in range(4)],
    }


def split_words(material: ReportInputs) -> str:
    """The kind of split in words."""
    kind = (material.config.get("split") or {}).get("kind", "unknown")
    return SPLIT_KINDS.get(kind, str(kind))


def flat_settings(config: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Every setting as `a.b.c` and its value.

    >>> flat_settings({"size": 64, "split": {"seed": 0}})
    [('size', '64'), ('split.seed', '0')]
    """
    rows: list[tuple[str, str]] = []
    for key, value in config.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            rows += flat_settings(value, f"{name}.")
        else:
            values = value if isinstance(value, list) else [value]
            rows.append((name, ", ".join(without_folder(str(each)) for each in values)))
    return rows


def without_folder(text: str) -> str:
    """A path without the folders of the machine it was made on; other text as it is.

    >>> without_folder("/home/me/her2/m.csv"), without_folder("data/m.csv"), without_folder("2+")
    ('m.csv', 'data/m.csv', '2+')
    """
    for kind in (PurePosixPath(text), PureWindowsPath(text)):
        if kind.is_absolute():
            return kind.name
    return text


def command(material: ReportInputs) -> str:
    """The command that repeats the comparison, run in the folder above it.

    comparison.toml holds every setting, but its manifest path is relative to where
    `compare` was started; the copy beside it has paths relative to the folder.
    """
    name = material.folder.path.resolve().name
    name = f"./{name}" if name.startswith("-") else name  # or it reads as an option
    config, manifest = f"{name}/comparison.toml", f"manifest={name}/manifest.parquet"
    output = f"{name}-again"
    return shlex.join(["her2bench", "compare", config, "--set", manifest, "-o", output])


def devices(material: ReportInputs) -> list[str]:
    """Where the networks were trained."""
    return material.runs["device"].drop_nulls().unique().sort().to_list()


def trained_with(material: ReportInputs) -> list[str]:
    """The versions that trained the networks, as recorded by each run."""
    return material.runs["versions"].drop_nulls().unique().sort().to_list()


def total_seconds(material: ReportInputs) -> float:
    """Training time of all finished runs, and of all trials."""
    return float(
        sum(material.runs[name].sum() or 0 for name in ("train_seconds", "tuning_seconds"))
    )

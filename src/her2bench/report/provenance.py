"""How a comparison was made: tiles and slides, split, audit, settings, versions, the command."""

import re
from typing import Any

import polars as pl

from her2bench.report.material import Material

SPLIT_KINDS = {
    "grouped": "whole slides on one side each (grouped)",
    "grouped-kfold": "cross-validation by whole slides (grouped k-fold)",
    "manifest": "as the manifest gives it",
    "random-tiles": "random tiles: slides lie on both sides",
}


def tile_counts(material: Material) -> list[dict[str, Any]]:
    """Tiles by split and IHC score, a row a split (and fold, where there are several)."""
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


def split_words(material: Material) -> str:
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
            rows.append(
                (name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
            )
    return rows


def command(material: Material) -> str:
    """The command that does it all again, for the folder above the comparison.

    comparison.toml holds every setting, but names the manifest from wherever `compare` was
    started; the copy beside it says where the tiles lie from there.
    """
    name = material.folder.path.resolve().name
    config, manifest = f"{name}/comparison.toml", f"manifest={name}/manifest.parquet"
    output = f"{name}-again"
    return f"her2bench compare {_quoted(config)} --set {_quoted(manifest)} -o {_quoted(output)}"


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w./=-]+", text) else f'"{text}"'


def devices(material: Material) -> list[str]:
    """Where the networks were trained."""
    return material.runs["device"].drop_nulls().unique().sort().to_list()


def trained_with(material: Material) -> list[str]:
    """The versions that trained the networks, as each run noted them."""
    return material.runs["versions"].drop_nulls().unique().sort().to_list()


def total_seconds(material: Material) -> float:
    """Training time of all finished runs."""
    return float(material.runs["train_seconds"].sum() or 0)

"""Each model's answers on the shown tiles as arrays, the way `evaluation` judges them."""

import polars as pl

from her2bench.evaluation.scoring.panels import Panel, make_panel
from her2bench.report.inputs import Material


def shown_panels(material: Material) -> dict[str, Panel]:
    """Model → panel of the shown split; seeds that lack tiles of the first seed are left out."""
    if material.split is None:
        return {}
    return {
        model: make_panel(_whole_seeds(material.shown, model), model, material.split)
        for model in material.models
    }


def _whole_seeds(shown: pl.DataFrame, model: str) -> pl.DataFrame:
    rows = shown.filter(pl.col("model") == model)
    most = rows.group_by("seed").len()["len"].max()
    return rows.filter(pl.len().over("seed") == most)

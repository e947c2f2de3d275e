"""The gallery of the page: each tile with its label and every network's map and prediction."""

import io
from dataclasses import dataclass
from typing import Any

import matplotlib.image
import numpy as np
import polars as pl
from scipy import ndimage

from her2bench.core.vocabulary import SCORES, model_label
from her2bench.report.gallery_files import Gallery
from her2bench.report.gallery_selection import Selection, first_seed, select_tiles
from her2bench.report.inputs import ReportInputs
from her2bench.report.pages.html import data_uri
from her2bench.stain.heatmap import heatmap

SMOOTH = 64  # pixels per side at which a map is drawn


@dataclass(frozen=True)
class View:
    """One network's prediction for a tile: probability, threshold, class, and Grad-CAM map."""

    model: str
    probability: float
    threshold: float
    positive: bool
    correct: bool
    map: str | None


@dataclass(frozen=True)
class Picture:
    """A tile: thumbnail (None if not kept), its place and label, and the networks' views."""

    tile_id: str
    slide: str | None
    score: str
    positive: bool
    thumbnail: str | None
    views: list[View]


@dataclass(frozen=True)
class Group:
    """A row of the gallery under one heading."""

    title: str
    about: str
    pictures: list[Picture]


def picture_groups(material: ReportInputs, gallery: Gallery) -> list[Group]:
    """The gallery: the errors of each network, then the tiles on which networks disagree."""
    if material.split is None:
        return []
    trained = material.shown.filter(~pl.col("model").is_in(list(material.ensembles)))
    chosen = select_tiles(trained, material.baselines)
    pictures = _pictures(material, chosen, gallery)
    groups = [
        Group(
            f"{model_label(model)}: its most confident errors",
            "Misclassified tiles, the furthest from the threshold first; at most two per slide.",
            [pictures[tile] for tile in tiles],
        )
        for model, tiles in chosen.errors.items()
    ]
    if len(material.networks) > 1:
        about = "Predicted positive by some models and negative by others, the widest spread first."
        disagreed = [pictures[tile] for tile in chosen.disagreements]
        groups.append(Group("Where the models disagree", about, disagreed))
    return groups


def _pictures(material: ReportInputs, chosen: Selection, gallery: Gallery) -> dict[str, Picture]:
    rows = first_seed(material.shown).filter(
        pl.col("tile_id").is_in(chosen.tile_ids) & pl.col("model").is_in(material.networks)
    )
    by_tile = rows.partition_by("tile_id", as_dict=True, maintain_order=True)
    return {
        str(tile): _picture(part.to_dicts(), material.networks, gallery)
        for (tile,), part in by_tile.items()
    }


def _picture(rows: list[dict[str, Any]], models: list[str], gallery: Gallery) -> Picture:
    tile, first = rows[0]["tile_id"], rows[0]
    score = first.get("score")
    return Picture(
        tile_id=tile,
        slide=first["group_id"],
        score="unknown" if score is None else SCORES[score],
        positive=first["target"] == 1,
        thumbnail=data_uri("jpeg", gallery.thumbnails[tile])
        if tile in gallery.thumbnails
        else None,
        views=[
            _view(row, gallery.maps.get(row["model"], {}).get(tile))
            for row in sorted(rows, key=lambda row: models.index(row["model"]))
        ],
    )


def _view(row: dict[str, Any], heat: np.ndarray | None) -> View:
    return View(
        model=model_label(row["model"]),
        probability=row["probability"],
        threshold=1 / (1 + float(np.exp(-np.clip(row["threshold"], -700, 700)))),
        positive=row["call"],
        correct=row["call"] == (row["target"] == 1),
        map=None if heat is None else data_uri("png", overlay(heat)),
    )


def overlay(heat: np.ndarray) -> bytes:
    """A map as a PNG overlay: transparent where the map is zero.

    Args:
        heat: (h, w) uint8.

    Returns:
        RGBA, as `heatmap` colours it.
    """
    factor = max(1, SMOOTH // max(heat.shape))  # PDF viewers do not interpolate
    drawn = ndimage.zoom(heat / 255, factor, order=1, mode="nearest", grid_mode=True)
    file = io.BytesIO()
    matplotlib.image.imsave(
        file, heatmap(np.asarray(drawn)), format="png", metadata={"Software": ""}
    )
    return file.getvalue()

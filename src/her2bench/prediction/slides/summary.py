"""What a predicted slide amounts to, as a JSON file and as a row of slides.csv."""

from typing import Any

import numpy as np

from her2bench import __version__
from her2bench.core.vocabulary import ENDPOINTS, RESEARCH_USE
from her2bench.prediction.domain_shift import Training
from her2bench.prediction.predictor import Predictor
from her2bench.prediction.slides.slide_prediction import SlidePrediction

SCHEMA = 1
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_REASONS = 20  # unreadable regions that are listed


def summary_of(
    slide: SlidePrediction, predictor: Predictor, settings: dict[str, Any]
) -> dict[str, Any]:
    """The summary of a slide; numbers only where they are known.

    Args:
        slide: predicted.
        predictor: what it was predicted with.
        settings: what decides the result, to recognise a finished slide.
    """
    table, tiles = slide.table, slide.tiles
    tissue = float(tiles.mask.mean())
    area = None
    if tiles.mpp is not None:
        area = round(tissue * slide.width * slide.height * tiles.mpp**2 / 1e6, 4)
    positive = int((table["call"] == "positive").sum())
    away, rule = table["distance"], predictor.slide_rule
    known = isinstance(predictor.training, Training)
    return {
        "schema": SCHEMA,
        "research_use_only": RESEARCH_USE,
        "slide": slide.name,
        "file": slide.path.name,
        "width": slide.width,
        "height": slide.height,
        "mpp": tiles.mpp,
        "tissue_mm2": area,
        "tissue_share": round(tissue, 6),
        "tile_side": tiles.side,
        "tiles": table.height,
        "unreadable_tiles": len(slide.unreadable),
        "unreadable": _listed(slide),
        "predicted_positive": positive,
        "share_predicted_positive": positive / table.height,
        "endpoint": predictor.description.endpoint,
        "positive_means": ENDPOINTS.get(
            predictor.description.endpoint, predictor.description.endpoint
        ),
        "model": predictor.ensemble.model,
        "runs": len(predictor.ensemble.members),
        "threshold": slide.cut,
        "calibrated": predictor.ensemble.scaling is not None,
        "slide_level": None if isinstance(rule, str) else rule.applied(table),
        "slide_level_unknown": rule if isinstance(rule, str) else None,
        "probability": _quantiles(table["probability"].to_numpy()),
        "share_unlike_training": float((away > 0).mean()) if known else None,  # type: ignore[arg-type]
        "training_tiles_unknown": None if known else predictor.training,
        "her2bench": __version__,
        "settings": settings,
    }


def row_of(summary: dict[str, Any]) -> dict[str, Any]:
    """A slide's row in slides.csv."""
    names = ("slide", "file", "mpp", "tissue_mm2", "tiles", "unreadable_tiles")
    names += ("predicted_positive", "share_predicted_positive", "threshold")
    row = {name: summary[name] for name in names}
    row |= {f"probability_{name}": value for name, value in summary["probability"].items()}
    slide = summary["slide_level"] or {}
    of_slide = ("aggregate", "quantile", "probability", "threshold", "call")
    row |= {f"slide_{name}": slide.get(name) for name in of_slide}
    more = ("share_unlike_training", "model", "runs", "endpoint", "research_use_only")
    return row | {name: summary[name] for name in more}


def _quantiles(values: np.ndarray) -> dict[str, float]:
    found = np.quantile(values, QUANTILES).tolist()
    return {f"q{round(100 * q):02d}": value for q, value in zip(QUANTILES, found, strict=True)}


def _listed(slide: SlidePrediction) -> list[dict[str, Any]]:
    rows = sorted(slide.unreadable)[:_REASONS]
    corners = slide.tiles.corners
    return [
        {"x": int(corners[row, 0]), "y": int(corners[row, 1]), "reason": slide.unreadable[row]}
        for row in rows
    ]

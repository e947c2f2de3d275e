"""The tiles of a slide as GeoJSON, as QuPath imports it (File, Import objects from file)."""

import gzip
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from her2bench.core.vocabulary import RESEARCH_USE, SCORES
from her2bench.prediction.slides.slide_prediction import SlidePrediction

CLASSES = {
    "positive": ("Predicted positive", [190, 30, 90]),
    "negative": ("Predicted negative", [70, 110, 180]),
}
"""Name and colour of each call in viewers."""
_MEASURED = {
    "probability": "Probability",
    "calibrated_probability": "Calibrated probability",
    "distance": "Distance from training tiles",
    **{f"p{score}": f"Probability of {SCORES[score]}" for score in range(4)},
}


def write_geojson(slide: SlidePrediction, path: Path) -> None:
    """Write the tiles as a FeatureCollection, one at a time; gzipped where the name ends in .gz.

    Polygons are in pixels at full resolution, counted from where viewers begin (`origin`).
    """
    with path.open("wb") as raw:
        # Neither name nor time in its head: the same tiles give the same file.
        packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if path.suffix == ".gz" else raw
        with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as stream:
            head = {"type": "FeatureCollection", "research_use_only": RESEARCH_USE}
            stream.write(json.dumps(head)[:-1] + ', "features": [\n')
            for number, feature in enumerate(_features(slide)):
                stream.write(",\n" if number else "")
                stream.write(json.dumps(feature))
            stream.write("\n]}\n")


def _features(slide: SlidePrediction) -> Iterator[dict[str, Any]]:
    left, top = slide.origin
    for row in slide.table.iter_rows(named=True):
        x, y = row["x"] - left, row["y"] - top
        right, bottom = x + row["width"], y + row["height"]
        name, colour = CLASSES[row["call"]]
        yield {
            "type": "Feature",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, row["tile_id"])),
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[x, y], [right, y], [right, bottom], [x, bottom], [x, y]]],
            },
            "properties": {
                "objectType": "tile",
                "name": row["tile_id"],
                "classification": {"name": name, "color": colour},
                "measurements": {k: row[c] for c, k in _MEASURED.items() if row.get(c) is not None},
            },
        }

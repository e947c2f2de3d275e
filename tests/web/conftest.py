"""A small comparison folder, written by hand: two models with random weights, phantom tiles."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from her2bench.core.manifest import write_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.tables import write_table
from her2bench.models.registry import build_model
from her2bench.phantom import PhantomSettings, draw_slides, tiles_of
from her2bench.phantom.tiles import jpeg
from her2bench.prediction.normalization import Normalization
from her2bench.prediction.trained_networks import ModelMetadata, save_trained
from her2bench.web.app import create_app
from her2bench.web.service import Service, opened_service
from her2bench.web.uploads import Limits

SIZE = 64
ORIGIN = "http://127.0.0.1:8000"
RUNS = (("lenet", 0), ("lenet", 1), ("alexnet", 0))
SLOPES = {("lenet", 0): 0.5, ("lenet", 1): 1.5, ("alexnet", 0): 2.0}
INTERCEPT = 0.7
REPORT = """<!doctype html><html><head><title>r</title></head><body class="x"><h1>Report</h1>
<script>document.title = "own script ran";</script>
<img src="data:," onerror="document.title = 'handler ran'"></body></html>"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path_factory.mktemp("comparison"))
    made.config.write_text('endpoint = "2+"\n', encoding="utf-8")
    made.report.write_text(REPORT, encoding="utf-8")
    write_tiles(made)
    for model, seed in RUNS:
        write_run(made, model, seed)
    runs = {m: [s for n, s in RUNS if n == m] for m, _ in RUNS}
    calibration = [
        {
            "model": model,
            "method": method,
            **{"brier": 0.2, "log_loss": 0.5, "calibration_error": 0.1},
            "runs": [
                {"seed": s, "fold": 0, "slope": SLOPES[model, s] * factor, "intercept": shift}
                for s in seeds
            ],
        }
        for model, seeds in runs.items()
        for method, factor, shift in (("temperature", 3.0, 0.0), ("platt", 1.0, INTERCEPT))
    ]
    made.scores.write_text(json.dumps({"schema": 2, "calibration": calibration}), encoding="utf-8")
    return made


def write_tiles(folder: ComparisonFolder, slides: int = 12) -> None:
    settings = PhantomSettings(slides=slides, tiles_per_slide=4, size=96, seed=5)
    rows = []
    for tile in tiles_of(settings, draw_slides(settings)):
        path = folder.path / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(tile, settings)[0])
        split = "test" if tile.slide.index < 3 else "train"
        rows.append(
            {
                "tile_id": tile.tile_id,
                "path": str(path),
                "score": tile.slide.score,
                "group_id": tile.slide.group_id,
                "split": split,
            }
        )
    table = pl.DataFrame(rows)
    write_manifest(table.drop("split"), folder.manifest)
    write_table(table.select("tile_id", "group_id", "split", fold=pl.lit(0)), folder.splits)


def write_run(folder: ComparisonFolder, model: str, seed: int) -> None:
    torch.manual_seed(100 + seed)
    run = folder.run(model, seed, 0)
    prepare = Normalization((0.75, 0.7, 0.7), (0.15, 0.15, 0.15))
    network = build_model(model, SIZE)
    save_trained(network, ModelMetadata(model, SIZE, prepare, 0.01 * (seed + 1), "2+"), run.weights)
    run.mark_done({"threshold": 0.01 * (seed + 1)})


@pytest.fixture(scope="session")
def service(folder: ComparisonFolder) -> Iterator[Service]:
    made = opened_service(folder, torch.device("cpu"))
    assert made is not None
    yield made
    made.close()


@pytest.fixture
def client(folder: ComparisonFolder, service: Service) -> TestClient:
    """Not entered as a context: the service outlives the test."""
    return TestClient(create_app(folder, service), base_url=ORIGIN)


@pytest.fixture
def client_with(folder: ComparisonFolder, service: Service) -> Callable[[Limits], TestClient]:
    """A client of a server with limits of its own."""
    return lambda limits: TestClient(create_app(folder, service, limits), base_url=ORIGIN)


@pytest.fixture(scope="session")
def tile(folder: ComparisonFolder) -> bytes:
    """A test tile's file."""
    return tile_path(folder).read_bytes()


def tile_path(folder: ComparisonFolder) -> Path:
    return sorted((folder.path / "tiles").glob("s001-*.jpg"))[0]


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture's file."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()

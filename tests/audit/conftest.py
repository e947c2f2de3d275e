"""Evidence made to order: everything ordinary but what a test changes."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from tests.audit.drawn import with_duplicates, with_neighbours

from her2bench.audit.context import AuditContext
from her2bench.audit.features.extraction import Observations
from her2bench.audit.features.quality import QUALITY_FEATURES

ORDINARY = {
    "white": (215, 214, 212),
    "tissue": 0.7,
    "dab": (0.01, 0.03, 0.06, 0.1, 0.2),
    "haematoxylin": (0.02, 0.06, 0.1),
    "brown": 0.2,
    "hue": (0.5, 0.6, 0.6),
    "dense": 0.1,
    "pink": 0.03,
    "sharpness": (-1.1, -0.8),
    "noise": 0.4,
    "rim": (180, 170, 170, 4),
    "inner_rim": (180, 170, 170, 4),
    "size": (256, 256),
    "jpeg_quality": 90,
    "bytes_per_pixel": 0.2,
    "modified": 1.7e9,
    "format": "JPEG",
    "mode": "RGB",
}


@pytest.fixture
def evidence_of() -> Callable[..., AuditContext]:
    """`evidence_of(scores, groups, split, bad=…, tile_score=…, brown=…)`: by name, a measure."""

    def make(scores, groups=None, split=None, bad=None, endpoint="2+", columns=None, **measures):
        n = len(scores)
        rng = np.random.default_rng(0)
        table = pl.DataFrame(
            {
                "tile_id": [f"t{i}" for i in range(n)],
                "path": [f"/nowhere/t{i}.jpg" for i in range(n)],
                "score": pl.Series(scores, dtype=pl.Int8),
                **({} if groups is None else {"group_id": [str(g) for g in groups]}),
                **(columns or {}),
            }
        )
        fields = {}
        for name, (kind, shape) in QUALITY_FEATURES.fields.items():
            fields[name] = np.zeros((n, *shape), kind)
            fields[name][:] = ORDINARY.get(name, 0)
            if kind == "f4" and name != "jpeg_quality":  # the same for all would be strange
                fields[name] *= rng.normal(1, 0.01, (n, *shape))
            if name in measures:
                fields[name][:] = measures[name]
        target = (np.asarray(scores) >= int(endpoint[0])).astype(np.int8)
        side = None if split is None else np.asarray(split)
        return AuditContext(table, target, endpoint, Observations(fields, bad or {}), side)

    return make


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> tuple[pl.DataFrame, Observations]:
    """Tiles with duplicates of every kind."""
    return with_duplicates(tmp_path_factory.mktemp("duplicates"))


@pytest.fixture(scope="session")
def cut(tmp_path_factory) -> tuple[pl.DataFrame, Observations]:
    """Tiles with neighbours."""
    return with_neighbours(tmp_path_factory.mktemp("neighbours"))

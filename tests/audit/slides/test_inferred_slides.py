"""Slides are found where they differ, joined where they do not, never against what is known."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from her2bench.audit.features.extraction import Observations, observe
from her2bench.audit.slides.clustering import codes, evidence
from her2bench.audit.slides.inferred_slides import infer_slides, of_one_file, with_inferred_slides
from her2bench.audit.slides.scanner_features import NAMES, SCANNER_FEATURES
from her2bench.core.manifest import check_manifest
from her2bench.data.sources.images import Tiling, read_labels, tile_images
from her2bench.phantom import PhantomSettings, write_phantom


def seen(truth, apart=6.0, seed=0, bad=None):
    """Fingerprints of tiles whose slides lie `apart` standard deviations of a tile from another."""
    rng = np.random.default_rng(seed)
    slides = apart * rng.standard_normal((truth.max() + 1, len(NAMES)))
    slides[:, 4:] = 0  # four entries tell slides apart
    whole = slides[truth] + rng.standard_normal((len(truth), len(NAMES)))
    quarters = whole[:, None] + rng.standard_normal((len(truth), 4, len(NAMES)))
    fields = {"fingerprint": whole, "fingerprint_quarters": quarters}
    return Observations(fields | {"quantisation": np.zeros(len(truth))}, bad or {})


TRUTH = np.repeat(np.arange(12), 15)


def test_slides_that_differ_are_found():
    found = infer_slides(seen(TRUTH))
    assert adjusted_rand_score(TRUTH, found.group) > 0.95
    assert found.slides == found.group.max() + 1
    assert found.confidence.min() >= 0 and found.quality > 0.7


def test_tiles_that_do_not_differ_are_one_slide():
    """The safe side: where nothing distinguishes slides, intervals should be wide."""
    assert infer_slides(seen(TRUTH, apart=0.0)).slides == 1


def test_less_apart_is_less_sure():
    assert infer_slides(seen(TRUTH, apart=1.0)).quality < infer_slides(seen(TRUTH)).quality


def test_the_order_of_tiles_does_not_matter_to_who_belongs_together():
    order = np.random.default_rng(3).permutation(len(TRUTH))
    observations = seen(TRUTH)
    fields = {name: values[order] for name, values in observations.fields.items()}
    one, other = infer_slides(observations), infer_slides(Observations(fields, {}))
    assert adjusted_rand_score(one.group[order], other.group) > 0.95
    assert other.group[0] == 0


def test_scores_of_slides_part_tiles_that_look_alike():
    scores = TRUTH % 4
    found = infer_slides(seen(TRUTH, apart=0.0), scores=scores)
    assert adjusted_rand_score(scores, found.group) == 1


def test_linked_tiles_stay_together_however_unlike():
    pairs = np.array([[0, 20], [20, 179]])
    group = infer_slides(seen(TRUTH), pairs=pairs).group
    assert group[0] == group[20] == group[179]


def test_the_number_of_slides_is_kept_to():
    for number in (5, 12, 20):
        assert infer_slides(seen(TRUTH, apart=2.0), slides=number).slides == number


def test_tiles_that_cannot_be_read_stand_alone():
    found = infer_slides(seen(TRUTH, bad={3: "broken", 4: "broken"}))
    assert np.all(found.confidence[[3, 4]] == 0)
    assert np.bincount(found.group)[found.group[[3, 4]]].tolist() == [1, 1]


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_few_tiles(n):
    few = {name: values[:n] for name, values in seen(TRUTH).fields.items()}
    found = infer_slides(Observations(few, {}))
    assert len(found.group) == n and np.isfinite(found.confidence).all()


def test_tiles_all_the_same():
    same = {name: np.ones_like(values) for name, values in seen(TRUTH).fields.items()}
    found = infer_slides(Observations(same, {}))
    assert found.slides == 1 and np.isfinite(found.confidence).all()


def test_evidence_is_that_of_the_normal_model():
    """Against scipy's density of the tiles, their place integrated out."""
    tiles, between = np.array([0.4, -1.0, 2.2]), 2.5
    joint = stats.multivariate_normal(np.zeros(3), np.eye(3) + between)
    expected = joint.logpdf(tiles) - stats.norm.logpdf(tiles).sum()
    got = evidence(np.array(3.0), np.array([tiles.sum()]), np.array([between]))
    assert float(got) == pytest.approx(float(expected))


def manifest(n, **columns):
    return pl.DataFrame(
        {"tile_id": [f"t{i}" for i in range(n)], "path": "a.png", "score": 0} | columns
    )


def test_the_estimate_as_a_manifest():
    table = manifest(len(TRUTH), score=TRUTH % 4, path=[f"{i}.png" for i in range(len(TRUTH))])
    got = with_inferred_slides(table, infer_slides(seen(TRUTH)))
    assert adjusted_rand_score(TRUTH, got["group_id"].to_numpy()) > 0.95
    assert got["group_confidence"].is_between(0, 1).all()
    assert "group_id" not in table.columns
    check_manifest(got, Path("manifest.csv"))


def test_regions_of_one_file_are_one_slide():
    region = {"x": [0, 9, None, 0, 9], "y": 0, "width": 9, "height": 9}
    table = manifest(5, path=["a", "b", "a", "b", "a"], **region)
    assert of_one_file(table).tolist() == [[0, 0], [1, 1], [1, 3], [0, 4]]
    assert len(of_one_file(manifest(5))) == 0


@pytest.mark.slow
def test_slides_of_a_phantom(tmp_path):
    settings = PhantomSettings(slides=10, tiles_per_slide=8, size=128, seed=7)
    write_phantom(tmp_path / "p", settings, workers=1)
    table = check_manifest(pl.read_csv(tmp_path / "p/manifest.csv"), tmp_path / "p/manifest.csv")
    scores = table["score"].to_numpy()
    found = infer_slides(observe(table, [SCANNER_FEATURES]), scores=scores)
    truth = codes(table["group_id"].to_numpy().astype(str))
    rand = adjusted_rand_score(truth, found.group)
    assert rand > 0.5 and rand > adjusted_rand_score(truth, scores) + 0.1


@pytest.mark.slow
def test_real_cores():
    folder = os.environ.get("HER2BENCH_REAL_DATA")
    if not folder:
        pytest.skip("HER2BENCH_REAL_DATA is not set")
    labels = Path(folder) / "her2_tma/labels.csv"
    table = tile_images(read_labels(labels), Tiling(), labels)
    few = table.filter(pl.int_range(pl.len()).over("group_id") % 4 == 0)
    scores = few["score"].to_numpy()
    found = infer_slides(observe(few, [SCANNER_FEATURES]), scores=scores)
    truth = codes(few["group_id"].to_numpy().astype(str))
    assert adjusted_rand_score(truth, found.group) > 0.5

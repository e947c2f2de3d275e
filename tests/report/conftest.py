"""Comparison folders made without any training: predictions drawn at random, then scored."""

from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import tomli_w

from her2bench.core.audit_findings import write_audit
from her2bench.core.runs import ComparisonFolder
from her2bench.core.scores import Method, Pair, Recalibrated, RunScaling, Scores, write_scores
from her2bench.evaluation.scoring.pairwise import family_of
from her2bench.evaluation.scoring.scores import score_predictions
from her2bench.evaluation.scoring.settings import ScoreSettings
from her2bench.report.gallery_files import write_audit_pictures, write_gallery
from her2bench.report.gallery_selection import gallery_tiles
from her2bench.report.sections.audit_view import pictured

BASELINES = ("always_positive", "dab_baseline")
# A grey JPEG of one pixel: what the report does with thumbnails does not depend on the tissue.
JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c"
    "1912130f141d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc000"
    "0b080001000101011100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400"
    "b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c1"
    "1552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a63"
    "6465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6"
    "b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008"
    "010100003f00fbd0ffd9"
)


def make_comparison(
    path: Path,
    models: tuple[str, ...] = ("lenet", "alexnet"),
    seeds: tuple[int, ...] = (0, 1),
    slides: int = 24,
    tiles: int = 6,
    grouped: bool = True,
    splits: tuple[str, ...] = ("train", "val", "test"),
    one_class: bool = False,
    kind: str = "grouped",
    prefix: str = "slide",
    gallery: bool = True,
) -> ComparisonFolder:
    """Write a whole comparison folder; `slides` of `tiles` tiles in each split."""
    folder = ComparisonFolder(path)
    rng = np.random.default_rng(0)
    manifest = _manifest(slides, tiles, splits, one_class, prefix, rng)
    if not grouped:
        manifest = manifest.with_columns(group_id=pl.lit(None, dtype=pl.String))
    _write_start(folder, manifest, models, seeds, kind)
    runs = [*product(models, seeds), *((baseline, 0) for baseline in BASELINES)]
    parts = [_predictions(manifest, model, seed, rng) for model, seed in runs]
    for (model, seed), part in zip(runs, parts, strict=True):
        _write_run(folder, part, model, seed)
    predictions = pl.concat(parts)
    predictions.write_parquet(folder.predictions)
    scores = _scores(predictions, models)
    write_scores(scores, folder.scores)
    if gallery and "test" in splits:
        _write_gallery(folder, predictions, scores, models)
    return folder


@pytest.fixture(scope="session")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> ComparisonFolder:
    """Two networks, two seeds, two baselines, 24 test slides of 6 tiles; not to be changed."""
    from tests.report.audits import made_up, pictures_of, tiles_of

    folder = make_comparison(tmp_path_factory.mktemp("report") / "comparison")
    audit = made_up()
    wanted = pictured(audit, tiles_of(audit))
    write_audit_pictures(folder, wanted, pictures_of(wanted))
    write_audit(audit, folder.audit)
    return folder


def _manifest(
    slides: int, tiles: int, splits: tuple[str, ...], one_class: bool, prefix: str, rng
) -> pl.DataFrame:
    rows = []
    for split, slide in product(splits, range(slides)):
        score = int(rng.integers(2, 4)) if one_class else slide % 4
        rows += [
            {
                "tile_id": f"{prefix}-{split}-{slide}-{tile}",
                "path": "gone.png",
                "score": score,
                "group_id": f"{prefix}-{split}-{slide}",
                "split": split,
                "target": int(score >= 2),
            }
            for tile in range(tiles)
        ]
    return pl.DataFrame(rows).with_columns(pl.col("score", "target").cast(pl.Int8))


def _write_start(
    folder: ComparisonFolder, manifest: pl.DataFrame, models, seeds, kind: str
) -> None:
    folder.path.mkdir(parents=True)
    config = {
        "manifest": "manifest.csv",
        "endpoint": "2+",
        "models": list(models),
        "baselines": list(BASELINES),
        "seeds": list(seeds),
        "size": 64,
        "split": {"kind": kind},
        "score": ScoreSettings(bootstrap=0).model_dump(mode="json", exclude_none=True),
    }
    folder.config.write_text(tomli_w.dumps(config), encoding="utf-8")
    manifest.drop("split", "target").write_parquet(folder.manifest)
    splits = manifest.select("tile_id", "group_id", "target", pl.lit(0).alias("fold"), "split")
    splits.write_parquet(folder.splits)


def _predictions(manifest: pl.DataFrame, model: str, seed: int, rng) -> pl.DataFrame:
    noise = rng.normal(0, 1.2, manifest.height)
    slide = manifest["score"].to_numpy() - 1.5
    logit = np.full(manifest.height, 16.0) if model == "always_positive" else slide + noise
    return manifest.select(
        pl.lit(model).alias("model"),
        pl.lit(seed, dtype=pl.Int64).alias("seed"),
        pl.lit(0, dtype=pl.Int64).alias("fold"),
        "split",
        "tile_id",
        "group_id",
        "target",
        pl.Series("logit", logit),
        pl.Series("probability", 1 / (1 + np.exp(-logit))),
    )


def _write_run(folder: ComparisonFolder, part: pl.DataFrame, model: str, seed: int) -> None:
    if "/" in model:
        return
    run = folder.run(model, seed, 0)
    run.path.mkdir(parents=True)
    part.write_parquet(run.predictions)
    if model not in BASELINES:
        run.metrics.write_text(
            "epoch,learning_rate,train_loss,val_loss\n1,0.001,0.7,0.69\n2,0.001,0.6,0.65\n",
            encoding="utf-8",
        )
    run.mark_done({"parameters": 1000, "threshold": 0.0, "train_seconds": 3.0, "device": "cpu"})


def _scores(predictions: pl.DataFrame, models: tuple[str, ...]) -> Scores:
    scores = score_predictions(predictions, ScoreSettings(bootstrap=0))
    if "test" not in set(predictions["split"]):
        return replace(scores, pairs=())
    pairs = list(combinations([*models, *BASELINES], 2))
    runs = predictions.select("model", "seed").unique(maintain_order=True).rows()
    slopes: dict[Method, float] = {"none": 1.0, "temperature": 0.8, "platt": 1.2}
    calibration = tuple(
        Recalibrated(
            model,
            method,
            brier=0.2,
            log_loss=0.5,
            calibration_error=0.1,
            runs=tuple(RunScaling(seed, 0, slope, 0.1) for name, seed in runs if name == model),
        )
        for model in (*models, *BASELINES)
        for method, slope in slopes.items()
    )
    return replace(scores, pairs=tuple(_pair(a, b) for a, b in pairs), calibration=calibration)


def _pair(a: str, b: str) -> Pair:
    beaten = b == "always_positive"
    return Pair(
        metric="roc_auc",
        question="weights",
        model_a=a,
        model_b=b,
        difference=0.3 if beaten else 0.01,
        low=0.2 if beaten else -0.05,
        high=0.4 if beaten else 0.07,
        p_value=0.0001 if beaten else 0.7,
        p_adjusted=0.0004 if beaten else 1.0,
        margin=0.02,
        decision="a" if beaten else "undecided",
        verdict=f"{a} better than {b}" if beaten else "no significant difference",
        method="sign flips of slides",
        groups=12,
        family=family_of((a, b)),
    )


def _write_gallery(folder: ComparisonFolder, predictions: pl.DataFrame, scores: Scores, models):
    tiles = gallery_tiles(predictions, scores.thresholds)
    heat = np.linspace(0, 255, 64 * len(tiles)).reshape(len(tiles), 8, 8).astype(np.uint8)
    maps = {model: heat for model in models if "/" not in model}
    write_gallery(folder, tiles, dict.fromkeys(tiles[1:], JPEG), maps)

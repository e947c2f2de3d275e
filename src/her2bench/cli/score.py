"""`her2bench score`: statistics from any predictions table, without torch and without images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from her2bench.evaluation.settings import ScoreSettings

THRESHOLD = "Threshold and breakdown"
STATISTICS = "Statistics"


def score(
    predictions: Annotated[
        list[Path],
        typer.Argument(
            help="Predictions, .csv or .parquet: one row a tile and model, with at least the "
            "columns model, tile_id, target (0 or 1), probability; give group_id (slide or "
            "patient) too, or every interval is too narrow."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write all scores to this .json file.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all scores as JSON.")] = False,
    rule: Annotated[
        str,
        typer.Option(
            help="fixed, youden, sensitivity or specificity; all but fixed choose the threshold on "
            "each run's val rows.",
            rich_help_panel=THRESHOLD,
        ),
    ] = "fixed",
    threshold: Annotated[
        float | None,
        typer.Option(help="Probability of the fixed rule [0.5].", rich_help_panel=THRESHOLD),
    ] = None,
    logit: Annotated[
        float | None,
        typer.Option(help="Logit of the fixed rule, instead.", rich_help_panel=THRESHOLD),
    ] = None,
    value: Annotated[
        float | None,
        typer.Option(help="The wanted sensitivity or specificity.", rich_help_panel=THRESHOLD),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Break calls down by this column too; may be repeated.", rich_help_panel=THRESHOLD
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Take score, tile_score, group_id and --by columns from here, by tile_id.",
            rich_help_panel=THRESHOLD,
        ),
    ] = None,
    primary: Annotated[
        str, typer.Option(help="The metric the verdicts rest on.", rich_help_panel=STATISTICS)
    ] = "roc_auc",
    margin: Annotated[
        float,
        typer.Option(
            help="Models closer than this on it are equivalent.", rich_help_panel=STATISTICS
        ),
    ] = 0.02,
    confidence: Annotated[float, typer.Option(rich_help_panel=STATISTICS)] = 0.95,
    bootstrap: Annotated[
        int, typer.Option(help="Replicates; 0: none.", rich_help_panel=STATISTICS)
    ] = 2000,
    bins: Annotated[
        int, typer.Option(help="Of the calibration error.", rich_help_panel=STATISTICS)
    ] = 15,
    seed: Annotated[
        int, typer.Option(help="Of bootstrap and permutation.", rich_help_panel=STATISTICS)
    ] = 0,
    mcnemar: Annotated[
        bool,
        typer.Option(
            "--mcnemar", help="McNemar's tile-level test beside ours.", rich_help_panel=STATISTICS
        ),
    ] = False,
) -> None:
    """Judge models from their predictions: metrics with intervals that know slides, verdicts.

    Models are compared on the same test tiles only. Thresholds are never chosen on test tiles.
    """
    from her2bench.cli.score_text import print_scores
    from her2bench.core.files import replacing
    from her2bench.core.predictions import read_predictions
    from her2bench.evaluation.scores import score_predictions

    wanted = {
        "threshold": {"kind": rule, "probability": threshold, "logit": logit, "value": value},
        "primary": primary,
        "margin": margin,
        "confidence": confidence,
        "bootstrap": bootstrap,
        "bins": bins,
        "seed": seed,
        "by": tuple(by or ()),
        "mcnemar": mcnemar,
    }
    settings = _settings(wanted)
    table = read_predictions(predictions)
    if manifest is not None:
        table = _with_manifest(table, manifest, settings.by)
    scores = score_predictions(table, settings)
    text = _as_json(scores.as_dict())
    if output is not None:
        with replacing(output) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    if json:
        typer.echo(text)
    else:
        print_scores(scores)


def _settings(wanted: dict[str, Any]) -> "ScoreSettings":
    from pydantic import ValidationError

    from her2bench.core.errors import UserError
    from her2bench.evaluation.settings import ScoreSettings

    try:
        return ScoreSettings.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        options = {
            "threshold": "rule",
            "threshold.kind": "rule",
            "threshold.probability": "threshold",
        }
        name = options.get(name, name)
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"--{name.split('.')[-1]}", found=message) from error


def _with_manifest(table: "pl.DataFrame", path: Path, by: tuple[str, ...]) -> "pl.DataFrame":
    """Join what the manifest knows of the tiles; the predictions' own columns win."""
    from her2bench.core.errors import UserError, listed
    from her2bench.core.manifest import read_manifest
    from her2bench.core.predictions import check_predictions

    known = read_manifest(path)
    if table["group_id"].is_null().all():
        table = table.drop("group_id")
    wanted = ("score", "tile_score", "group_id", *by)
    columns = [name for name in dict.fromkeys(wanted) if name in known.columns]
    columns = [name for name in columns if name not in table.columns]
    missing = sorted(set(table["tile_id"]) - set(known["tile_id"]))
    if missing:
        raise UserError(
            path,
            found=f"{len(missing)} tile_id of the predictions are not in it:{listed(missing, 5)}",
            expected="a row for every tile predicted",
            cure="name the manifest that the predictions were made from",
        )
    joined = table.join(known.select("tile_id", *columns), on="tile_id", how="left")
    return check_predictions(joined, path)


def _as_json(scores: dict[str, Any]) -> str:
    from json import dumps

    return dumps(scores, indent=1, allow_nan=False)

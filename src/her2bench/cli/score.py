"""`her2bench score`: statistics from any predictions table, without torch and without images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from her2bench.cli import slide_options as slides
from her2bench.cli.score_inputs import (
    Columns,
    Names,
    Predictions,
    named_columns,
    named_ensembles,
    named_files,
)

if TYPE_CHECKING:
    from her2bench.evaluation.scoring.settings import ScoreSettings

Output = Annotated[
    Path | None, typer.Option("-o", "--output", help="Write all scores to this .json file.")
]
Report = Annotated[
    Path | None,
    typer.Option("--report", help="Also write a report into this folder: tables, figures, page."),
]
Json = Annotated[bool, typer.Option("--json", help="Print all scores as JSON.")]
Details = Annotated[
    bool, typer.Option("--details", help="Print all splits, metrics, pairs and notes.")
]


def _threshold(help: str, *names: str) -> typer.models.OptionInfo:
    return typer.Option(*names, help=help, rich_help_panel="Threshold and breakdown")


def _statistic(help: str, *names: str) -> typer.models.OptionInfo:
    return typer.Option(*names, help=help, rich_help_panel="Statistics")


Rule = Annotated[
    str,
    _threshold(
        "fixed, youden, sensitivity or specificity; all but fixed choose the threshold on each "
        "run's val rows."
    ),
]
Threshold = Annotated[float | None, _threshold("Probability of the fixed rule (default: 0.5).")]
Logit = Annotated[float | None, _threshold("Logit of the fixed rule, instead.")]
Value = Annotated[float | None, _threshold("The sensitivity or specificity to reach, e.g. 0.95.")]
By = Annotated[
    list[str] | None, _threshold("Also break predictions down by this column; may be repeated.")
]
Manifest = Annotated[
    Path | None,
    _threshold("Take score, tile_score, group_id and --by columns from here, by tile_id."),
]
Primary = Annotated[str, _statistic("Metric by which the verdicts compare models.")]
Margin = Annotated[float, _statistic("Largest difference in that metric that does not matter.")]
Endpoint = Annotated[
    str | None,
    _threshold(
        "1+, 2+ or 3+: binary metrics of models with p0 to p3 at this cut of the score "
        "(default: 2+, or that of their target)."
    ),
]
Confidence = Annotated[
    float, _statistic("Confidence level of all intervals; tests use 1 − confidence as alpha.")
]
Bootstrap = Annotated[int, _statistic("Number of bootstrap replicates, at least 200; 0: none.")]
Bins = Annotated[int, _statistic("Number of bins of the calibration error.")]
Seed = Annotated[int, _statistic("Random seed of bootstrap and permutation.")]
AtSpecificity = Annotated[float | None, _statistic("Also sensitivity at this specificity.")]
AtSensitivity = Annotated[float | None, _statistic("Also specificity at this sensitivity.")]
PartialAuc = Annotated[
    float | None, _statistic("Also ROC-AUC up to this false positive rate (McClish).")
]
Prevalence = Annotated[
    float | None, _statistic("Also PPV, NPV and net benefit at this share of positive tiles.")
]
SeedEnsembles = Annotated[
    bool,
    typer.Option(
        "--seed-ensembles",
        help="Also score the mean logit of each model's seeds, as a model.",
        rich_help_panel="Ensembles",
    ),
]
Ensembles = Annotated[
    list[str] | None,
    typer.Option(
        "--ensemble",
        metavar="NAME=MODEL,...",
        help="Also score the mean logit of these models' networks; may be repeated.",
        rich_help_panel="Ensembles",
    ),
]
Mcnemar = Annotated[
    bool, _statistic("Also McNemar's test, which takes tiles as independent.", "--mcnemar")
]


def score(
    predictions: Predictions = None,
    name: Names = None,
    columns: Columns = None,
    output: Output = None,
    report: Report = None,
    json: Json = False,
    details: Details = False,
    rule: Rule = "fixed",
    threshold: Threshold = None,
    logit: Logit = None,
    value: Value = None,
    by: By = None,
    manifest: Manifest = None,
    endpoint: Endpoint = None,
    primary: Primary = "roc_auc",
    margin: Margin = 0.02,
    confidence: Confidence = 0.95,
    bootstrap: Bootstrap = 2000,
    bins: Bins = 15,
    seed: Seed = 0,
    mcnemar: Mcnemar = False,
    at_specificity: AtSpecificity = None,
    at_sensitivity: AtSensitivity = None,
    partial_auc: PartialAuc = None,
    level: slides.Level = "tile",
    aggregate: slides.Aggregate = None,
    quantile: slides.Quantile = None,
    slide_rule: slides.SlideRule = None,
    slide_threshold: slides.SlideThreshold = None,
    slide_value: slides.SlideValue = None,
    prevalence: Prevalence = None,
    seed_ensembles: SeedEnsembles = False,
    ensemble: Ensembles = None,
) -> None:
    """Score predictions: metrics with slide-clustered intervals, and pairwise comparisons.

    Models are compared on the same test tiles only. Thresholds are never chosen on test tiles.
    """
    own = slide_rule, slide_threshold, slide_value
    slide = slides.chosen_slides(level, aggregate, quantile, *own)
    chosen = {"kind": rule, "probability": threshold, "logit": logit, "value": value}
    wanted = {"threshold": chosen, "primary": primary, "margin": margin, "by": tuple(by or ())}
    wanted |= {"confidence": confidence, "bootstrap": bootstrap, "bins": bins, "seed": seed}
    wanted |= {"at_specificity": at_specificity, "at_sensitivity": at_sensitivity}
    wanted |= {"partial_auc": partial_auc, "mcnemar": mcnemar, "prevalence": prevalence}
    wanted |= {"seed_ensembles": seed_ensembles, "ensembles": named_ensembles(ensemble)}
    files, names = named_files(predictions, name), named_columns(columns)
    read = files, _settings(wanted), manifest, names, level, slide, endpoint
    _score(read, output, report, json, details)


def _score(
    read: tuple[Any, ...],
    output: Path | None,
    report: Path | None,
    as_json: bool,
    details: bool,
) -> None:
    from her2bench.api.scoring import scored
    from her2bench.cli.score_text import print_scores
    from her2bench.core.atomic_io import check_output
    from her2bench.core.scores import scores_json
    from her2bench.core.terminal import say, say_json

    if output is not None:
        check_output(output)
    results = scored(*read)
    if output is not None:
        results.write(output)
    page = results.write_report(report) if report is not None else None
    if as_json:
        say_json(scores_json(results.scores))
    else:
        print_scores(results.scores, details)
        if page is not None:
            say(f"report: {page}")


def _settings(wanted: dict[str, Any]) -> "ScoreSettings":
    from pydantic import ValidationError

    from her2bench.core.errors import UserError, shown
    from her2bench.evaluation.scoring.settings import ScoreSettings

    try:
        return ScoreSettings.model_validate(wanted)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "settings"
        options = {
            "ensembles": "ensemble",
            "threshold": "rule",
            "threshold.kind": "rule",
            "threshold.probability": "threshold",
        }
        name = options.get(name, name)
        message = first["msg"].removeprefix("Value error, ")
        given = first["input"]
        found = f"{shown(given)}: {message}" if isinstance(given, str | int | float) else message
        option = name.split(".")[-1].replace("_", "-")
        raise UserError(f"--{option}", found=found) from error

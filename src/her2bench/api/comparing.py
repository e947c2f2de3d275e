"""`her2bench.compare` and `her2bench.load_model`: train, judge, and use what was trained."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from her2bench.api.results import ComparisonResults
from her2bench.core.atomic_io import check_writable
from her2bench.core.config import load_settings, settings_from
from her2bench.core.extras import needs_extra
from her2bench.core.predictions import read_predictions
from her2bench.core.runs import ComparisonFolder, opened_comparison
from her2bench.core.scores import read_scores
from her2bench.report.folder_guard import check_inside

if TYPE_CHECKING:
    from torch import nn

    from her2bench.comparison.compare import Choices, Watcher


def compare(
    config: str | Path | Mapping[str, Any],
    out: str | Path | None = None,
    *,
    models: Mapping[str, Callable[..., "nn.Module"]] | None = None,
    overrides: Sequence[str] = (),
    choices: "Choices | None" = None,
    watcher: "Watcher | None" = None,
) -> ComparisonResults:
    """Train and compare models: one config, one manifest, one folder with one report.

    A comparison that was stopped goes on where it was: call it again with the same arguments.

    Args:
        config: a TOML file, or its content as a dict.
        out: the comparison folder; `out/<config name>` by default.
        models: name → network of your own, a class or function of the tile size (or of nothing)
            that gives one logit per tile; compared beside those of the config.
        overrides: `key=value` texts as for `--set`, e.g. `"recipe.epochs=3"`.
        choices: device, cache and so on; the defaults where None.
        watcher: told how training goes.

    Returns:
        The scores, with `.report`, `.verdicts`, `.to_polars()` and `.to_pandas()`.

    Raises:
        UserError: anything wrong with config, manifest, images or folder, before any training; or
            the extra "train" is not installed.
    """
    with needs_extra("compare"):
        from her2bench.comparison.compare import Choices, Watcher
        from her2bench.comparison.compare import compare as run
        from her2bench.comparison.config import ComparisonConfig
        from her2bench.models import register_model
    for name, build in (models or {}).items():
        register_model(name, build)
    if isinstance(config, Mapping):
        resolved, place = (
            settings_from(ComparisonConfig, dict(config), "config"),
            out or "out/comparison",
        )
    else:
        resolved = load_settings(ComparisonConfig, Path(config), list(overrides))
        place = out or Path("out") / Path(config).stem
    check_writable(Path(place), "-o")
    check_inside(ComparisonFolder(Path(place)))
    return comparison_results(
        run(resolved, Path(place), choices or Choices(), watcher or Watcher())
    )


def comparison_results(folder: ComparisonFolder | str | Path) -> ComparisonResults:
    """What a finished comparison holds.

    Raises:
        UserError: it is no finished comparison, or a file is damaged.
    """
    if not isinstance(folder, ComparisonFolder):
        folder = opened_comparison(Path(folder))
    folder.check(folder.predictions, folder.scores)
    return ComparisonResults(
        read_scores(folder.scores), read_predictions([folder.predictions]), folder
    )

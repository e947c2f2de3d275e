"""`her2bench.compare`: train and score."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from her2bench.api.results import ComparisonResults
from her2bench.core.atomic_io import check_writable
from her2bench.core.config import load_settings, settings_from, with_overrides
from her2bench.core.extras import needs_extra
from her2bench.core.packaged_configs import config_path
from her2bench.core.predictions import read_predictions
from her2bench.core.runs import ComparisonFolder, opened_comparison
from her2bench.core.scores import read_scores
from her2bench.report.folder_guard import check_inside

if TYPE_CHECKING:
    from torch import nn

    from her2bench.comparison.config import ComparisonConfig
    from her2bench.comparison.watcher import Watcher


def compare(
    config: str | Path | Mapping[str, Any],
    out: str | Path | None = None,
    *,
    models: Mapping[str, Callable[..., "nn.Module"]] | None = None,
    overrides: Sequence[str] = (),
    watcher: "Watcher | None" = None,
    **choices: Any,
) -> ComparisonResults:
    """Train and compare models: one config, one manifest, one folder with one report.

    To resume a stopped comparison, call it again with the same arguments.

    Args:
        config: a TOML file, the name of a packaged one (`"sound"`), or its content as a dict.
        out: the comparison folder; `out/<config name>` by default.
        models: name → network of your own, a class or function of the tile size (or of nothing)
            that returns one logit per tile; compared with those of the config.
        overrides: `key=value` texts as for `--set`, e.g. `"recipe.epochs=3"`.
        watcher: notified of training progress.
        choices: `device="auto"`, `cache=None`, `skip_bad=False`, `optimism=False`,
            `self_test=True`, `audit=True`, `strict=False`, as the options of these names.

    Returns:
        The scores, with `.report`, `.verdicts`, `.to_polars()` and `.to_pandas()`.

    Raises:
        UserError: anything wrong with config, manifest, images or folder, before any training; or
            the extra "train" is not installed.
    """
    with needs_extra("compare"):
        from her2bench.comparison.compare import compare as run
        from her2bench.comparison.plan import Choices
        from her2bench.comparison.watcher import Watcher
        from her2bench.models.registry import register_model
    for name, build in (models or {}).items():
        register_model(name, build)
    resolved = _resolved(config, overrides, tuple(models or ()))
    named = "comparison" if isinstance(config, Mapping) else Path(config).stem
    place = Path(out or Path("out") / named)
    check_writable(place, "-o")
    check_inside(ComparisonFolder(place))
    return comparison_results(run(resolved, place, Choices(**choices), watcher or Watcher()))


def _resolved(
    config: str | Path | Mapping[str, Any], overrides: Sequence[str], more: tuple[str, ...]
) -> "ComparisonConfig":
    from her2bench.comparison.config import ComparisonConfig

    if isinstance(config, Mapping):
        where, data = "config", with_overrides(dict(config), overrides)
    else:
        where = config_path(config, "compare")
        data = load_settings(ComparisonConfig, where, list(overrides)).model_dump()
    models = [*data.get("models", ()), *more]
    return settings_from(ComparisonConfig, {**data, "models": models}, where)


def comparison_results(folder: ComparisonFolder | str | Path) -> ComparisonResults:
    """The results of a finished comparison.

    Raises:
        UserError: it is not a finished comparison, or a file is damaged.
    """
    if not isinstance(folder, ComparisonFolder):
        folder = opened_comparison(Path(folder))
    folder.check(folder.predictions, folder.scores)
    return ComparisonResults(
        read_scores(folder.scores), read_predictions([folder.predictions]), folder
    )

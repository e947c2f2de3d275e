"""One config and one manifest → one comparison folder."""

from contextlib import ExitStack
from pathlib import Path

from her2bench.comparison.auditing import audit_comparison, checked_findings
from her2bench.comparison.config import ComparisonConfig
from her2bench.comparison.executor import planned_epochs, run_jobs
from her2bench.comparison.optimism import with_random_tiles
from her2bench.comparison.plan import Choices
from her2bench.comparison.prepared import open_folder, prepare
from her2bench.comparison.results import write_results
from her2bench.comparison.tuning_checks import require_tunable
from her2bench.comparison.watcher import Watcher
from her2bench.core.atomic_io import working_alone
from her2bench.core.display import shown_as
from her2bench.core.manifest import read_manifest
from her2bench.core.runs import ComparisonFolder
from her2bench.core.vocabulary import model_name
from her2bench.models.baselines.registry import baseline
from her2bench.models.dummy_batch import check_network
from her2bench.models.registry import use_model
from her2bench.prediction.device import choose_device, ready_cpu


def compare(
    config: ComparisonConfig, out: Path, choices: Choices, watcher: Watcher
) -> ComparisonFolder:
    """Train and score all models of a config in one folder; finished runs are kept.

    Raises:
        UserError: anything wrong with config, manifest, images or folder; before any training.
    """
    require_tunable(config)
    for entry in config.models:
        options = config.options(model_name(entry))
        check_network(use_model(entry, options.arguments), config.size, options.pretrained)
    device = choose_device(choices.device)
    for name in config.baselines:
        baseline(name).fitting(config.endpoint)
    folder, manifest = ComparisonFolder(out), read_manifest(config.manifest)
    wanted = [(config, manifest, folder)]
    if choices.optimism:  # first, because the folder's results include it
        wanted.insert(0, (*with_random_tiles(config, manifest), folder.random_tiles))
    parts = [prepare(*part, choices.cache, choices.skip_bad) for part in wanted]
    with ExitStack() as alone, shown_as(config.report.names):
        for part in reversed(parts):
            alone.enter_context(working_alone(part.folder.path))
            open_folder(part)
        if choices.audit:
            audit_comparison(parts[-1], choices.cache)
            watcher.audited(checked_findings(folder, choices.strict))
        watcher.planned([each for part in parts for each in planned_epochs(part)])
        ready_cpu()
        for part in parts:
            tuned = run_jobs(part, device, choices, watcher)
            write_results(part, device, watcher, tuned)
    return folder

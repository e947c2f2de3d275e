"""Compare image classifiers for HER2 status on IHC tiles, with slide-clustered statistics.

    import her2bench as hb

    results = hb.score("predictions.csv")
    results.verdicts
    hb.plot.roc(results)

Research use only. Everything is imported when it is first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from her2bench.api import plot as plot
    from her2bench.api.auditing import audit as audit
    from her2bench.api.comparing import compare as compare
    from her2bench.api.manifests import manifest_from_folders as manifest_from_folders
    from her2bench.api.models import export as export
    from her2bench.api.models import load_model as load_model
    from her2bench.api.phantoms import phantom as phantom
    from her2bench.api.predicting import predict as predict
    from her2bench.api.scoring import load_predictions as load_predictions
    from her2bench.api.scoring import load_scores as load_scores
    from her2bench.api.scoring import score as score
    from her2bench.core.errors import UserError as UserError
    from her2bench.evaluation.statistics.metrics import Metric as Metric
    from her2bench.evaluation.statistics.metrics import register_metric as register_metric
    from her2bench.models.baselines.logistic import Fitted as Fitted
    from her2bench.models.baselines.registry import Baseline as Baseline
    from her2bench.models.baselines.registry import register_baseline as register_baseline
    from her2bench.models.registry import register_model as register_model

_MODULES = {
    "Baseline": "models.baselines.registry",
    "Fitted": "models.baselines.logistic",
    "Metric": "evaluation.statistics.metrics",
    "UserError": "core.errors",
    "audit": "api.auditing",
    "compare": "api.comparing",
    "export": "api.models",
    "load_model": "api.models",
    "load_predictions": "api.scoring",
    "load_scores": "api.scoring",
    "manifest_from_folders": "api.manifests",
    "phantom": "api.phantoms",
    "predict": "api.predicting",
    "register_baseline": "models.baselines.registry",
    "register_metric": "evaluation.statistics.metrics",
    "register_model": "models.registry",
    "score": "api.scoring",
}
__all__ = [
    "Baseline",
    "Fitted",
    "Metric",
    "UserError",
    "audit",
    "compare",
    "export",
    "load_model",
    "load_predictions",
    "load_scores",
    "manifest_from_folders",
    "phantom",
    "plot",
    "predict",
    "register_baseline",
    "register_metric",
    "register_model",
    "score",
]


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("her2bench.api.plot")
    if name not in _MODULES:
        raise AttributeError(f"module 'her2bench' has no attribute {name!r}")
    return getattr(import_module(f"her2bench.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps `her2bench.audit` and `her2bench.phantom` the functions of the public API.

    When the packages of these names are imported, Python would put them in the functions' place.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _MODULES or not isinstance(value, ModuleType):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

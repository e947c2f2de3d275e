"""The baseline on five percentiles of DAB optical density, that is stain amount alone."""

from her2bench.models.baselines.registry import Baseline, register_baseline
from her2bench.stain import dab_percentiles

register_baseline(Baseline("dab_baseline", dab_percentiles))

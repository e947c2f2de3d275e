"""The baseline on the white point: what the glass alone can tell, which should be nothing."""

from her2bench.models.baselines.registry import Baseline, register_baseline
from her2bench.stain import white_points

register_baseline(Baseline("background_baseline", white_points))

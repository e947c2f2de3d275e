"""The baseline on the white point of the glass, which should not predict the label."""

from her2bench.models.baselines.registry import Baseline, register_baseline
from her2bench.stain import white_points

register_baseline(Baseline("background_baseline", white_points))

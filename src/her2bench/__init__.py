"""Compare image classifiers for HER2 status on IHC tiles, and know which differences are real."""

__version__ = "0.1.0"

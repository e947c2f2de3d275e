"""The models: networks, one file each, and baselines."""

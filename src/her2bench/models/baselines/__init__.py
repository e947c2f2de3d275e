"""The baselines: models that need no network, one file each."""

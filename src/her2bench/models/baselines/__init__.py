"""The baselines: models without a network, one file each."""

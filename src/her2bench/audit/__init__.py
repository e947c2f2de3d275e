"""The audit: what in the data would distort a comparison, found before training."""

"""The audit: what in the data would fool a comparison, found before training."""

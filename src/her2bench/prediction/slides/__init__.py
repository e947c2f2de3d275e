"""Prediction on slides: tissue, tiles, probabilities, and the files that show them."""

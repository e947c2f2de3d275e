"""Tables in, scores out: thresholds, verdicts, notes."""

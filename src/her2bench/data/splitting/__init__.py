"""Which tile trains, which validates, which tests; no slide on two sides."""

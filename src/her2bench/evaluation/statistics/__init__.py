"""Arrays in, numbers out: values, variances, intervals, tests."""

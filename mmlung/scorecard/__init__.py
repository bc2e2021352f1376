"""A test's numbers, and how they were obtained: metrics.json, predictions.json."""

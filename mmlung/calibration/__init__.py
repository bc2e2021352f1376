"""What is chosen on validation and frozen: thresholds, and calibrated probabilities."""

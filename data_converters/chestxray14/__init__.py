"""NIH ChestX-ray14: label file, official lists, boxes of eight findings."""

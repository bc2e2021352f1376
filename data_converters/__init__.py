"""Annotations of public chest radiograph data sets -> COCO and MMEngine JSON."""

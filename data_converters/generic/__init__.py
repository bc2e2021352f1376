"""Formats of anyone's annotations, read and written: COCO, YOLO and CSV tables."""

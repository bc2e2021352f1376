"""MIMIC-CXR and MIMIC-CXR-JPG: tables, the official split, films by patient."""

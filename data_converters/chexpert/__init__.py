"""CheXpert: tables of 14 labels, films by patient and study."""

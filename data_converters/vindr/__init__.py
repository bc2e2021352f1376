"""VinDr-CXR and VinBigData: tables, films, several readers, and what they agree on."""

"""A detector's boxes as VinBigData's Kaggle competition takes and scores them."""

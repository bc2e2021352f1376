"""Several runs side by side: two models on the same films, seeds, folds."""

"""Maps of trained networks beside radiologists' boxes: films, scores, table."""

"""One pass over the tiles: what every check keeps of each."""

"""Lists of stage positions: reading other programs' files, order, names, limits."""

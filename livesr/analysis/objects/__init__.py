"""Objects of each structure: how many, how large, where, how bright and how polar."""

"""From trained weights to a model package that any engine runs and bioimage.io understands."""

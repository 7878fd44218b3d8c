"""Data sets of a user's own recordings: masks by hand, or from green probes as the paper's."""

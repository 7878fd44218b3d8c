"""The point-spread function, measured on beads."""

"""Beads: found, fitted, paired."""

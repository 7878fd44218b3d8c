"""Cells instead of beads."""

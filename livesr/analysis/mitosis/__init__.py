"""Mitosis from masks: features of each cell, its stage over time, the events of a division."""

"""Simulated recordings on disk: images, truth, tables, pictures."""

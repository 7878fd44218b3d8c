"""Stored chromatic calibrations and the one composed warp that applies them."""

"""Frames from microscopes and recordings."""

"""Scores of packages beside baselines and the paper's figures, and their report."""

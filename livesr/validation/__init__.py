"""Masks compared with what a probe, or the green light of lipid droplets, shows on a microscope."""

"""A simulated Nile Red cell under a simulated two-colour microscope, with the truth to score by."""

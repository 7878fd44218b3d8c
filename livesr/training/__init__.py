"""Training of the networks on simulated cells, their export, and their scores."""

"""The network in PyTorch: what training trains, packages hold and an engine may run."""

"""Focus that follows the sample: how far stacks lie off the first, and where the next begins."""

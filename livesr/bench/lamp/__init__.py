"""A lamp that shines on when its program dies, and what a simulated microscope sees it with."""

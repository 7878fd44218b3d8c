"""Models of a displacement, fitted to points."""

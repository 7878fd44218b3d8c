"""Objects over time: linked, divisions kept, and scored against the truth."""

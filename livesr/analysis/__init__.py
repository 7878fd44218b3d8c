"""What masks mean: scores, and later objects, contacts and decisions."""

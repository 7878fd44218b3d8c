"""What networks learn from: fields and recordings, cut into patches of another day's light."""

"""The offset between channels, followed over a session."""

"""Chromagnon's files."""

"""Contacts between structures: what touches what, how much, and how often it would by chance."""

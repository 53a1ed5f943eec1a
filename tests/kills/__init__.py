"""Scalers that are killed at any moment, and what must come of their objects all the same."""

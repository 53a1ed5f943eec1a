"""Measurements, printed as JSON. `python -m bench` runs them all, one after the other."""

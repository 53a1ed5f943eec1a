"""Prometheus for the demo: the real binary, or a small stand-in that never guesses."""

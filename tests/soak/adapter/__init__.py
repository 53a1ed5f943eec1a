"""Simulated autoscalers on one adapter whose Prometheus fails in every way, for a long time."""

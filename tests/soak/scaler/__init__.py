"""Autoscalers of scalers that are let down by everything around them, for a long time."""

"""Kubernetes primitives shared by the adapter and the scaler."""

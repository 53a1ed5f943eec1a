"""The demo: the whole loop on one machine, from a queue's /metrics to spec.replicas."""

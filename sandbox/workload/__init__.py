"""The workload of the demo: a simulated NSQ, its consumers, and their `/metrics`."""

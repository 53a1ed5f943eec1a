"""wpa-sandbox: a small Kubernetes API server, a workload and a demo for laptops."""

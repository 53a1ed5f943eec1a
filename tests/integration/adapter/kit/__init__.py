"""What the adapter's tests stand on: a fake Prometheus, an API server, certificates, the server."""

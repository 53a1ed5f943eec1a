"""wpa-adapter: `external.metrics.k8s.io/v1beta1` answered from Prometheus."""

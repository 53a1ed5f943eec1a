"""Stand-ins for a cluster's controllers, scheduler and kubelets, in the API server's process."""

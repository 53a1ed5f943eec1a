"""A real Kubernetes control plane on this machine, without containers, for the e2e tests.

`build` makes the programs once, `cluster.ControlPlane` runs them, `kubelets` plays the nodes and
`resource_metrics` the metrics-server.
"""

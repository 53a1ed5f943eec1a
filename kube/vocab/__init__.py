"""Values and grammars of Kubernetes, without I/O."""

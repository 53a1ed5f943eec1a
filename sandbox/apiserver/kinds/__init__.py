"""Which kinds are served, and what their objects may look like."""

"""The API server of the sandbox."""

"""From an HTTP request to the store and back."""

"""Requests that mean no good, and what must be true of every answer to them."""

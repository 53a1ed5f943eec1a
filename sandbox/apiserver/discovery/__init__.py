"""What a client can find out about the server."""

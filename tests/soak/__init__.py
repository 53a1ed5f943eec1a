"""Both daemons under everything that can go wrong around them, for hours (issue 7)."""

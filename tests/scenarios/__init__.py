"""The acceptance scenarios: whole daemons against the sandbox in virtual time."""

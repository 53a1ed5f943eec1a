"""What is expected of the project, by level: unit, properties, contract, integration."""

"""What the scaler holds between two evaluations."""

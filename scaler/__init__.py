"""wpa-scaler: keeps workloads between two watermarks."""

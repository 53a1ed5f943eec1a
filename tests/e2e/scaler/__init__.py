"""The scaler on the real control plane. A package, so that its fixtures end with its tests."""

"""The scaler meets the world: observing, actuating, reporting, timing."""

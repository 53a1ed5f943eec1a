"""Pure part of the scaler: the decision rules and what is derived from a decision."""

"""Independent statements of what decisions should be, to hold the code against."""

"""Methods that bring the feature distributions of two domains together."""

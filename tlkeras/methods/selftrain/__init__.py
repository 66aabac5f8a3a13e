"""Methods that learn from the model's own predictions on unlabelled data."""

"""Transfer learning and domain adaptation for Keras 3."""

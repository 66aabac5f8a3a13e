"""Predictions as targets: who is certain, and what the certain ones teach."""

import keras


def largest_class_share(logits):
    """Share of the rows that fall into the class that is predicted most; 1 is a collapse onto one class.

    Args:
        logits: Float tensor `(batch, classes)`, or probabilities.

    Returns:
        Scalar in [1 / classes, 1], without a gradient.

    Example:
        >>> float(largest_class_share(keras.ops.eye(4)))
        0.25
    """
    members = keras.ops.one_hot(keras.ops.argmax(logits, axis=-1), logits.shape[-1])
    return keras.ops.max(keras.ops.mean(members, axis=0))

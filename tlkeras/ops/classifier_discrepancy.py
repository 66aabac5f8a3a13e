"""How far two classifiers disagree."""

import keras


def classifier_discrepancy(first, second):
    """Mean absolute difference of two predictions, `mean |p_1 - p_2|` over rows and classes.

    Args:
        first: Probabilities `(batch, classes)`.
        second: Probabilities of the same shape.

    Returns:
        Scalar in [0, 2 / classes]; 0 when the predictions agree.

    Example:
        >>> float(classifier_discrepancy(keras.ops.eye(2), 1.0 - keras.ops.eye(2)))
        1.0

    Reference:
        Saito, Watanabe, Ushiku, Harada: Maximum Classifier Discrepancy for Unsupervised Domain Adaptation, 2018,
        https://arxiv.org/abs/1712.02560
    """
    return keras.ops.mean(keras.ops.abs(first - second))

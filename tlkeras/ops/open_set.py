"""Targets that hold classes which the source does not."""

import keras

from tlkeras.ops.conditioning import check_classes


def unknown_cross_entropy(logits, threshold=0.5):
    """Binary cross entropy between a threshold and the probability of the last class, `unknown`.

    `mean -t log p_unknown - (1 - t) log(1 - p_unknown)` with `p = softmax(logits)`.

    Args:
        logits: Float tensor `(batch, classes)`, the last class is `unknown`.
        threshold: Number in (0, 1), `t`.

    Returns:
        Scalar >= the entropy of the threshold, log 2 = 0.693 for one half, which it is where every `p_unknown = t`.

    Raises:
        ValueError: If the logits are not of rank 2 or have fewer than 2 classes.

    Example:
        >>> round(float(unknown_cross_entropy(keras.ops.zeros((4, 2)))), 3)
        0.693

    Reference:
        Saito, Yamamoto, Ushiku, Harada: Open Set Domain Adaptation by Backpropagation, 2018,
        https://arxiv.org/abs/1804.10427
    """
    check_classes("logits", logits)
    total = keras.ops.logsumexp(logits, axis=1)
    known = keras.ops.logsumexp(logits[:, :-1], axis=1)
    return keras.ops.mean(threshold * (total - logits[:, -1]) + (1.0 - threshold) * (total - known))

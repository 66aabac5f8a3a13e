"""Entropy and confusion of predicted class probabilities."""

import keras


def entropy(probabilities):
    """Entropy of each row in nats, `-sum_k p_k log p_k`.

    Args:
        probabilities: Tensor `(..., classes)`, rows sum to 1.

    Returns:
        Tensor `(...)` in [0, log classes].

    Example:
        >>> round(float(entropy(keras.ops.convert_to_tensor([0.5, 0.5]))), 3)
        0.693
    """
    logs = keras.ops.log(keras.ops.maximum(probabilities, keras.config.epsilon()))
    return -keras.ops.sum(probabilities * logs, axis=-1)


def information_maximization(probabilities):
    """How confident and at once how diverse predictions are: `H(mean p) - mean H(p)`.

    Args:
        probabilities: Tensor `(batch, classes)`, rows sum to 1.

    Returns:
        Scalar in [0, log classes]: 0 when every row is the same, log classes when the rows are one-hot and balanced.

    Example:
        >>> round(float(information_maximization(keras.ops.eye(2))), 3)
        0.693

    Reference:
        Krause, Perona, Gomes: Discriminative Clustering by Regularized Information Maximization, 2010,
        https://papers.nips.cc/paper/4154
    """
    return entropy(keras.ops.mean(probabilities, axis=0)) - keras.ops.mean(entropy(probabilities))


def class_confusion(logits, temperature=2.5):
    """Share of class pairs that predictions confuse: off-diagonal mass of the weighted class correlation.

    With `p = softmax(logits / T)` and weights `w_i` proportional to `1 + exp(-H(p_i))` (mean 1, no gradient),
    `C = p^T diag(w) p`, rows normalised to 1, and the result is `(sum C - trace C) / classes`.

    Args:
        logits: Float tensor `(batch, classes)`.
        temperature: Number > 0; above 1 it softens the predictions.

    Returns:
        Scalar in [0, 1 - 1 / classes]; 0 when no two classes share any probability.

    Example:
        >>> round(float(class_confusion(100.0 * keras.ops.eye(3))), 6)
        0.0

    Reference:
        Jin, Wang, Long, Wang: Minimum Class Confusion for Versatile Domain Adaptation, 2020,
        https://arxiv.org/abs/1912.03699
    """
    probabilities = keras.ops.softmax(logits / temperature, axis=-1)
    weights = keras.ops.stop_gradient(1.0 + keras.ops.exp(-entropy(probabilities)))
    weights = weights / keras.ops.mean(weights)
    confusion = keras.ops.matmul(keras.ops.transpose(probabilities), weights[:, None] * probabilities)
    sums = keras.ops.sum(confusion, axis=1, keepdims=True)  # 0 for a class whose every probability underflows
    confusion = confusion / keras.ops.maximum(sums, keras.config.epsilon())
    return (keras.ops.sum(confusion) - keras.ops.trace(confusion)) / logits.shape[-1]

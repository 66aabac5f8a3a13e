"""Contrast of a row with its likes against all others."""

import keras


def class_indices(labels):
    """Returns integer labels as `(batch,)`.

    Args:
        labels: Integer tensor `(batch,)` or `(batch, 1)`.

    Raises:
        ValueError: If the labels have another shape, such as one-hot rows, or are not integers.

    Example:
        >>> class_indices(keras.ops.convert_to_tensor([[2], [0]])).shape[0]
        2
    """
    if len(labels.shape) > 2 or (len(labels.shape) == 2 and labels.shape[1] != 1):
        raise ValueError(
            "`labels` must be integers (batch,): take the argmax of one-hot rows. "
            f"Received: rows of shape {tuple(labels.shape[1:])}"
        )
    if "int" not in keras.backend.standardize_dtype(labels.dtype):
        raise ValueError(
            "`labels` must be integers (batch,), the index of each row's class: this method cannot read regression "
            f"targets, and labels that are whole numbers must be cast to int. Received: dtype={labels.dtype}"
        )
    return keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")


def contrast(similarities, positive, valid, temperature=0.07):
    """Cross entropy of picking a positive key, averaged over the positive ones.

    `- mean_i 1 / |P_i| sum_{p in P_i} log(exp(s_ip / T) / sum_{v valid} exp(s_iv / T))`.

    Args:
        similarities: Float tensor `(rows, keys)`.
        positive: Boolean tensor `(rows, keys)`: which keys are like the row. At least one of a row is, and is valid.
        valid: Boolean tensor that broadcasts to `(rows, keys)`: which keys exist.
        temperature: Number > 0.

    Returns:
        Scalar >= 0.

    Example:
        >>> one = keras.ops.ones((1, 2), dtype="bool")
        >>> round(float(contrast(keras.ops.zeros((1, 2)), one, one)), 3)
        0.693

    Reference:
        Zhong, Wang, Kou, Wang, Long: Bi-tuning of Pre-trained Representations, 2020, https://arxiv.org/abs/2011.06182
    """
    logs = keras.ops.log_softmax(keras.ops.where(valid, similarities / temperature, -1e9), axis=-1)
    chosen = keras.ops.cast(keras.ops.logical_and(positive, valid), similarities.dtype)
    rows = keras.ops.sum(chosen * logs, axis=-1) / keras.ops.sum(chosen, axis=-1)
    return -keras.ops.mean(rows)

"""How far the confidence of predictions is from their accuracy."""

import keras


def expected_calibration_error(probabilities, labels, bins=15):
    """Mean over bins of confidence of `|accuracy - confidence|`, weighted by their number of predictions.

    The confidence of a prediction is its largest probability; the bins are `(0, 1 / bins], ...` of equal width.

    Args:
        probabilities: Tensor `(batch, classes)`, rows that sum to 1.
        labels: Integer tensor `(batch,)` in `[0, classes)`.
        bins: Number of bins, an integer >= 1.

    Returns:
        Scalar in [0, 1]; 0 when in every bin the share of right predictions is their mean confidence.

    Example:
        >>> sure = keras.ops.convert_to_tensor([[0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.75, 0.25]])
        >>> float(expected_calibration_error(sure, keras.ops.convert_to_tensor([0, 0, 0, 1])))
        0.0

    Reference:
        Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks, 2017, https://arxiv.org/abs/1706.04599
    """
    confidence = keras.ops.max(probabilities, axis=-1)
    right = keras.ops.cast(keras.ops.argmax(probabilities, axis=-1) == keras.ops.cast(labels, "int32"), "float32")
    place = keras.ops.clip(keras.ops.cast(keras.ops.ceil(confidence * bins), "int32") - 1, 0, bins - 1)
    members = keras.ops.one_hot(place, bins)
    gaps = keras.ops.matmul(keras.ops.expand_dims(right - keras.ops.cast(confidence, "float32"), 0), members)
    return keras.ops.sum(keras.ops.abs(gaps)) / keras.ops.cast(keras.ops.shape(members)[0], "float32")

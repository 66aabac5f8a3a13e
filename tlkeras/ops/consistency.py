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


def pseudo_labels(probabilities, thresholds):
    """Most probable class of each row, one-hot; a row that is not certain enough is zero.

    Args:
        probabilities: Tensor `(batch, classes)`, rows sum to 1.
        thresholds: Number, or tensor `(classes,)` with one for each predicted class.

    Returns:
        Tensor `(batch, classes)` of zeros and ones, without a gradient.

    Example:
        >>> rows = keras.ops.convert_to_tensor([[0.9, 0.1], [0.4, 0.6]])
        >>> keras.ops.convert_to_numpy(pseudo_labels(rows, 0.8)).tolist()
        [[1.0, 0.0], [0.0, 0.0]]
    """
    members = keras.ops.one_hot(keras.ops.argmax(probabilities, axis=-1), probabilities.shape[-1])
    certain = keras.ops.stop_gradient(probabilities) >= thresholds
    return members * keras.ops.cast(certain, members.dtype)


def soft_cross_entropy(targets, logits):
    """Cross entropy of weighted targets, `-mean_i sum_k t_ik log softmax(logits_i)_k`; a row of zeros adds nothing.

    Args:
        targets: Tensor `(batch, classes)`, every entry >= 0; the mean is over all its rows.
        logits: Tensor of the same shape.

    Returns:
        Scalar >= 0; 0 for targets of zeros.

    Example:
        >>> round(float(soft_cross_entropy(keras.ops.eye(2), keras.ops.zeros((2, 2)))), 3)
        0.693
    """
    logs = keras.ops.log_softmax(logits, axis=-1)
    return -keras.ops.mean(keras.ops.sum(targets * logs, axis=-1))


def curriculum_thresholds(learned, threshold):
    """Lower thresholds for classes of which less was learned, `t b / (2 - b)` with `b = s / max(max s, 1 - sum s)`.

    Args:
        learned: Tensor `(classes,)`: share of the rows that were predicted as each class with certainty, sum <= 1.
        threshold: Number in [0, 1], the threshold of the class that is learned best.

    Returns:
        Tensor `(classes,)` in [0, threshold]. While most rows are not certain, all thresholds are low.

    Example:
        >>> keras.ops.convert_to_numpy(curriculum_thresholds(keras.ops.convert_to_tensor([0.5, 0.25]), 0.9)).round(2)
        array([0.9, 0.3], dtype=float32)

    Reference:
        Zhang, Wang, Hou, Wu, Wang, Okumura, Shinozaki: FlexMatch: Boosting Semi-Supervised Learning with Curriculum
        Pseudo Labeling, 2021, https://arxiv.org/abs/2110.08263
    """
    most = keras.ops.maximum(keras.ops.max(learned), 1.0 - keras.ops.sum(learned))
    progress = learned / most
    return threshold * progress / (2.0 - progress)


def squared_difference(probabilities, targets, chosen):
    """Squared difference of predictions on some rows, `mean_i c_i mean_k (p_ik - t_ik)^2`.

    Args:
        probabilities: Tensor `(batch, classes)`.
        targets: Tensor of the same shape.
        chosen: Tensor `(batch,)` of ones and, for rows that do not count, zeros; the mean is over all rows.

    Returns:
        Scalar in [0, 2 / classes]; 0 where the predictions agree on the chosen rows.

    Example:
        >>> float(squared_difference(keras.ops.eye(2), 1.0 - keras.ops.eye(2), keras.ops.ones((2,))))
        1.0

    Reference:
        French, Mackiewicz, Fisher: Self-ensembling for visual domain adaptation, 2018, https://arxiv.org/abs/1706.05208
    """
    return keras.ops.mean(chosen * keras.ops.mean(keras.ops.square(probabilities - targets), axis=-1))


def class_imbalance(probabilities):
    """How far the mean prediction is from uniform, `sum_k KL(Bernoulli(1 / classes) || Bernoulli(mean p_k))`.

    Args:
        probabilities: Tensor `(batch, classes)`, rows sum to 1.

    Returns:
        Scalar >= 0; 0 when all classes are predicted equally often.

    Example:
        >>> float(class_imbalance(keras.ops.eye(2)))
        0.0

    Reference:
        French, Mackiewicz, Fisher: Self-ensembling for visual domain adaptation, 2018, https://arxiv.org/abs/1706.05208
    """
    share, mean = 1.0 / probabilities.shape[-1], keras.ops.mean(probabilities, axis=0)
    tiny = 1e-6  # as in the authors' code: the mean prediction of a class may underflow
    chosen, others = keras.ops.maximum(mean, tiny), keras.ops.maximum(1.0 - mean, tiny)
    divergence = share * keras.ops.log(share / chosen) + (1.0 - share) * keras.ops.log((1.0 - share) / others)
    return keras.ops.sum(divergence)


def aligned_probabilities(probabilities, shares, wanted):
    """Predictions as they would be if the classes had other shares, `p_ik w_k / s_k`, each row scaled to sum to 1.

    Args:
        probabilities: Tensor `(batch, classes)`, rows sum to 1.
        shares: Tensor `(classes,)`, the mean prediction.
        wanted: Tensor `(classes,)`, what the mean prediction ought to be.

    Returns:
        Tensor `(batch, classes)`, rows sum to 1; `probabilities` where `shares` equals `wanted`.

    Example:
        >>> rows, even = keras.ops.convert_to_tensor([[0.6, 0.4]]), keras.ops.convert_to_tensor([0.5, 0.5])
        >>> keras.ops.convert_to_numpy(aligned_probabilities(rows, rows[0], even)).round(3).tolist()
        [[0.5, 0.5]]

    Reference:
        Berthelot et al.: ReMixMatch: Semi-Supervised Learning with Distribution Alignment and Augmentation Anchoring,
        2020, https://arxiv.org/abs/1911.09785
    """
    tiny = 1e-6  # as in the authors' code of AdaMatch: a class may never have been predicted
    scaled = probabilities * (wanted + tiny) / (shares + tiny)
    return scaled / keras.ops.sum(scaled, axis=-1, keepdims=True)

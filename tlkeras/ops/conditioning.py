"""Features joined with what the classifier predicts from them."""

import keras

from tlkeras.ops.information import entropy
from tlkeras.ops.moments import check_rank_2


def check_classes(name, logits):
    """Raises unless `logits` is `(batch, classes)` with at least two classes.

    Args:
        name: What to call it in the error.
        logits: Tensor or shape-bearing object.

    Raises:
        ValueError: If `logits` has another rank or a single column.

    Example:
        >>> check_classes("logits", keras.ops.ones((2, 3)))
    """
    check_rank_2(name, logits)
    if logits.shape[1] < 2:
        raise ValueError(
            f"`{name}` must have at least 2 classes, (batch, classes): a single output predicts no class. "
            f"Received: shape={tuple(logits.shape)}"
        )


def multilinear_map(features, probabilities):
    """Outer product of the features and the predictions of each row, flattened.

    Args:
        features: Float tensor `(batch, features)`.
        probabilities: Float tensor `(batch, classes)`.

    Returns:
        Tensor `(batch, features * classes)`: the entry at `i * classes + k` is `features_i * probabilities_k`.

    Raises:
        ValueError: If one of them is not of rank 2.

    Example:
        >>> tuple(multilinear_map(keras.ops.ones((5, 4)), keras.ops.ones((5, 3))).shape)
        (5, 12)

    Reference:
        Long, Cao, Wang, Jordan: Conditional Adversarial Domain Adaptation, 2018, https://arxiv.org/abs/1705.10667
    """
    check_rank_2("features", features)
    check_rank_2("probabilities", probabilities)
    product = features[:, :, None] * probabilities[:, None, :]
    return keras.ops.reshape(product, (-1, features.shape[1] * probabilities.shape[1]))


def entropy_weights(probabilities):
    """Weights that grow with the certainty of a prediction: `1 + exp(-H(p))`, divided by their mean.

    The mean carries no gradient, the weights do.

    Args:
        probabilities: Tensor `(batch, classes)`, rows sum to 1.

    Returns:
        Tensor `(batch,)` with mean 1.

    Example:
        >>> keras.ops.convert_to_numpy(entropy_weights(keras.ops.eye(2))).tolist()
        [1.0, 1.0]

    Reference:
        Long, Cao, Wang, Jordan: Conditional Adversarial Domain Adaptation, 2018, https://arxiv.org/abs/1705.10667
    """
    weights = 1.0 + keras.ops.exp(-entropy(probabilities))
    return weights / keras.ops.stop_gradient(keras.ops.mean(weights))

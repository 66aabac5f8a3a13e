"""MixVal: mixed target rows as probes of clusters and of the boundaries between them."""

import numpy as np

from tlkeras.validators.checks import checked_logits


def mixval(target_logits, mixed_logits):
    """Scores a model by how often a mixture of two target rows is predicted as the row that it holds more of.

    Row `i` of the mixed inputs is `0.55 x_i + 0.45 x_(i+1)`. Mixtures of two rows of the same predicted class probe how
    dense the clusters are, those of two classes where the boundary runs. The score is the mean of the two shares that
    agree with the prediction of `x_i`.

    A kind without any pair is left out. Where every prediction is the same class, there is no boundary to probe and
    the second share is 0, so that a model that has collapsed reaches half at most.

    Deviations: the authors record the two shares of each model separately, to be combined over all models; here it is
    their mean, which one model has alone. They sort the rows by prediction to make pairs of one class; here those
    are used that occur, which needs rows in random order.

    Args:
        target_logits: Array `(rows, classes)`, before any softmax.
        mixed_logits: Array `(rows, classes)` of the mixed inputs, the last row mixed with the first.

    Returns:
        Float in [0, 1]; 1 when every mixture agrees.

    Raises:
        ValueError: If logits are empty, not finite or of unequal shapes.

    Example:
        >>> logits = np.eye(2)[[0, 0, 1, 1]]
        >>> mixval(logits, np.eye(2)[[0, 1, 1, 1]])
        0.75

    Reference:
        Hu, Liang, Liew, Xue, Bai, Wang: Mixed Samples as Probes for Unsupervised Model Selection in Domain Adaptation,
        2023, https://openreview.net/forum?id=ackajXqei2
    """
    logits = checked_logits(target_logits, "target_logits")
    mixed = checked_logits(mixed_logits, "mixed_logits", rows=len(logits))
    if mixed.shape != logits.shape:
        raise ValueError(
            f"`mixed_logits` must have the shape of `target_logits`. Received: shapes {mixed.shape} and {logits.shape}"
        )
    predicted = logits.argmax(1)
    agree = mixed.argmax(1) == predicted
    inside = predicted == np.roll(predicted, -1)
    if inside.all():
        return float(agree.mean() / 2)
    if not inside.any():
        return float(agree.mean())
    return float((agree[inside].mean() + agree[~inside].mean()) / 2)

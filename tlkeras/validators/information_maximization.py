"""Information maximisation: a score of target predictions that needs no target label."""

import keras

from tlkeras import ops
from tlkeras.validators.checks import checked_logits


def information_maximization(target_logits):
    """Scores predictions on the target: `H(mean p) - mean H(p)` with `p = softmax(logits)`; higher is better.

    It needs the logits of the target and nothing else. It rewards confident predictions spread over many classes: 0
    when every prediction is the same, log(classes) when all are certain and the classes balanced. It favours balanced
    classes, so that a target with few classes is scored too low.

    Args:
        target_logits: Array `(rows, classes)`, before any softmax.

    Returns:
        Float in [0, log classes].

    Raises:
        ValueError: If logits are empty, not of rank 2 or not finite.

    Example:
        >>> round(information_maximization(100.0 * np.eye(3)), 3)
        1.099

    Reference:
        Musgrave, Belongie, Lim: Benchmarking Validation Methods for Unsupervised Domain Adaptation, 2022,
        https://arxiv.org/abs/2208.07360
    """
    logits = checked_logits(target_logits, "target_logits")
    probabilities = keras.ops.softmax(keras.ops.convert_to_tensor(logits, dtype="float32"), axis=-1)
    return float(ops.information_maximization(probabilities))

"""Accuracy on labelled source rows that were held out."""

from tlkeras.validators.checks import checked_labels, checked_logits


def source_accuracy(source_logits, source_labels):
    """Scores a model by its accuracy on held-out source rows.

    It never looks at the target: a model that has forgotten its task scores low, one that was not adapted may score
    best.

    Args:
        source_logits: Array `(rows, classes)`, before any softmax.
        source_labels: Integers `(rows,)` in `0..classes - 1`.

    Returns:
        Float in [0, 1]; 1 when every prediction is right.

    Raises:
        ValueError: If logits are empty, not of rank 2 or not finite, or labels do not fit them.

    Example:
        >>> source_accuracy([[2.0, 1.0], [0.0, 3.0]], [0, 0])
        0.5

    Reference:
        Musgrave, Belongie, Lim: Three New Validators and a Large-Scale Benchmark Ranking for Unsupervised Domain
        Adaptation, 2022, https://arxiv.org/abs/2208.07360
    """
    logits = checked_logits(source_logits, "source_logits")
    labels = checked_labels(source_labels, *logits.shape)
    return float((logits.argmax(1) == labels).mean())

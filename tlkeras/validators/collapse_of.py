"""Whether a model has collapsed, whatever it answers: classes, labels or values."""

import numpy as np

from tlkeras.validators.collapse import collapse, diverged

LEAST_SPREAD = 0.05  # of the deviation on the source; a target with a twentieth of it would be nearly constant


def collapse_of(evidence, *, prior=None):
    """Tells why a model must not be chosen, whatever its score.

    Of classes it is `collapse`. Values have collapsed where those of the target deviate by less than a twentieth of
    those of the source; labels where every row gets the same answer. Features of one direction are no reason: one
    value needs no more.

    Args:
        evidence: `Evidence` of the model. Values need source rows; without them only equal values are found.
        prior: Shares of the classes in the target, of a model of classes only.

    Returns:
        Tuple of strings, one for each reason; empty when there is none.

    Raises:
        ValueError: If `prior` is given for a model that has no classes, or as in `collapse`.

    Example:
        >>> collapse_of(tlkeras.validators.Evidence(np.ones((9, 1)), answers="values"))
        ('answers 1 in every row',)
    """
    if evidence.answers == "classes":
        return collapse(evidence.target_logits, evidence.target_features, prior=prior)
    if prior is not None:
        raise ValueError(f"`prior` must be None, as a model of {evidence.answers} has no classes. Received: {prior}")
    outputs = np.asarray(evidence.target_logits, "float64")
    broken = diverged(outputs, "target_logits") + diverged(evidence.target_features, "target_features")
    if broken:
        return broken
    return _same_labels(outputs) if evidence.answers == "labels" else _same_values(outputs, evidence.source_logits)


def _same_labels(logits):
    applies = logits > 0
    if len(logits) == 1 or (applies != applies[0]).any():
        return ()
    return (f"answers every row alike: {int(applies[0].sum())} of {logits.shape[1]} labels apply",)


def _same_values(values, source):
    spread = values.std(axis=0)
    if len(values) > 1 and not spread.any():
        return (f"answers {', '.join(f'{value:.4g}' for value in values[0])} in every row",)
    if source is None:
        return ()
    of_source = np.asarray(source, "float64").std(axis=0)
    narrow = np.flatnonzero(spread < LEAST_SPREAD * of_source)
    return tuple(
        f"output {index} deviates by {spread[index]:.3g} on the target, where it does by {of_source[index]:.3g} on the "
        "source"
        for index in narrow
    )

"""Divergence between the softened predictions of a student and a teacher."""

import keras


def distillation(student, teacher, temperature=2.0):
    """Divergence of softened predictions, `T^2 mean KL(softmax(teacher / T) || softmax(student / T))`.

    The factor `T^2` keeps the size of the gradient independent of the temperature.

    Args:
        student: Logits `(batch, classes)`.
        teacher: Logits of the same shape.
        temperature: Number > 0.

    Returns:
        Scalar >= 0; 0 when the predictions agree.

    Example:
        >>> float(distillation(keras.ops.ones((2, 3)), keras.ops.zeros((2, 3))))
        0.0

    Reference:
        Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531
    """
    taught = keras.ops.log_softmax(teacher / temperature, axis=-1)
    learned = keras.ops.log_softmax(student / temperature, axis=-1)
    rows = keras.ops.sum(keras.ops.exp(taught) * (taught - learned), axis=-1)
    return temperature * temperature * keras.ops.mean(rows)

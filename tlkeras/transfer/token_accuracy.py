"""Accuracy over the tokens that have a label."""

import keras

from tlkeras.surgery.token_head import IGNORED


@keras.saving.register_keras_serializable("tlkeras")
class TokenAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """Share of the tokens whose class is right; tokens labelled -1, as padding is, do not count.

    Args:
        name: Name in the logs.
        **kwargs: Keras metric arguments.

    Example:
        >>> accuracy = TokenAccuracy()
        >>> accuracy.update_state([[1, 0, -1]], [[[0.0, 2.0], [0.0, 2.0], [0.0, 0.0]]])
        >>> float(accuracy.result())
        0.5
    """

    def __init__(self, name="token_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels `(batch, length)` and logits `(batch, length, classes)`; weights are of rows or of tokens."""
        labels = keras.ops.convert_to_tensor(y_true)
        counted = keras.ops.cast(keras.ops.not_equal(labels, IGNORED), "float32")
        if sample_weight is not None:
            weights = keras.ops.cast(sample_weight, "float32")
            counted = counted * (weights[:, None] if len(weights.shape) == 1 else weights)
        return super().update_state(keras.ops.maximum(labels, 0), y_pred, sample_weight=counted)

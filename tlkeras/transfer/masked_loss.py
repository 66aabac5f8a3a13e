"""A loss of the rows that have a label."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class MaskedLoss(keras.losses.Loss):
    """The mean of a loss over the labels that are there; a batch without any gives 0.

    In a model of several tasks a row need not have a label for each: NaN is no label, and so is the class number that
    `missing` names. Nothing of such a row reaches the weights through this loss. A metric of Keras knows nothing of it:
    it counts a missing label as a wrong answer, so let metrics be of rows that have all labels.

    Args:
        loss: `keras.losses.Loss`, or its name.
        missing: The integer that stands for no class, such as -1; None where NaN alone does.
        name: Name of the loss.

    Raises:
        ValueError: If `loss` is no Keras loss that gives a number for each row.

    Example:
        >>> loss = MaskedLoss(keras.losses.MeanSquaredError())
        >>> float(loss(np.array([[1.0], [np.nan]]), np.array([[3.0], [9.0]])))
        4.0
    """

    def __init__(self, loss, *, missing=None, name=None):
        loss = keras.losses.get(loss)
        if not isinstance(loss, keras.losses.Loss):
            raise ValueError(
                "`loss` must be a loss of Keras, an instance such as keras.losses.MeanSquaredError() or its name in "
                f"camel case. Received: loss={loss!r}"
            )
        super().__init__(name=name or loss.name)
        self.loss, self.missing = loss, missing

    @property
    def ignore_class(self):
        """The integer that is no class, as losses of Keras call it."""
        return self.missing

    def call(self, y_true, y_pred):
        """Returns the losses of the rows, scaled so that their mean is that of the labelled ones."""
        known = keras.ops.logical_not(keras.ops.isnan(y_true))  # Keras makes floats of all labels
        if self.missing is not None:
            known = keras.ops.logical_and(known, y_true != self.missing)
        # Both branches of `where` must be finite, or the gradient is not.
        losses = self.loss.call(keras.ops.where(known, y_true, keras.ops.zeros_like(y_true)), y_pred)
        while len(known.shape) > len(losses.shape):
            known = keras.ops.all(known, axis=-1)
        known = keras.ops.cast(known, losses.dtype)
        return losses * known / keras.ops.maximum(keras.ops.mean(known), keras.config.epsilon())

    def get_config(self):
        """Returns the arguments of the loss."""
        return {"loss": keras.losses.serialize(self.loss), "missing": self.missing, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """Builds the loss from `get_config`."""
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})

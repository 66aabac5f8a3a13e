"""The squared error in units of the targets' deviation."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class StandardizedError(keras.losses.Loss):
    """Mean over the outputs of `((y - p) / scale)^2`: the loss of a regressor whose size does not depend on the units.

    1 is the error of a model that answers with the mean, where `scale` is the standard deviation of the targets. So
    the weight of a method means the same whatever is predicted.

    Args:
        scale: A number > 0 for each output.
        **kwargs: `name`, `reduction`, `dtype` of a Keras loss.

    Raises:
        ValueError: If `scale` is empty or holds something else than numbers > 0.

    Example:
        >>> loss = StandardizedError([10.0, 1.0])
        >>> float(loss(np.array([[0.0, 0.0]]), np.array([[10.0, 2.0]])))
        2.5
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**{"name": "standardized_error", **kwargs})
        if not scale or not all(0 < value < float("inf") for value in scale):
            raise ValueError(f"`scale` must hold a finite number > 0 for each output. Received: scale={scale}")
        self.scale = [float(value) for value in scale]

    @classmethod
    def of(cls, model):
        """Returns the loss of a `tlkeras.surgery.regressor`, in the scale of its layer `values`.

        Args:
            model: The regressor; made without `targets`, its scale is 1.

        Raises:
            ValueError: If the model has no layer `values`.
        """
        found = [layer for layer in model.layers if layer.name == "values"]
        if not found:
            raise ValueError(
                "`model` must have a layer `values`, which `tlkeras.surgery.regressor` makes. "
                f"Received: layers {[layer.name for layer in model.layers]}"
            )
        scale = getattr(found[0], "scale", 1.0)
        return cls(scale if isinstance(scale, (list, tuple)) else [scale] * int(model.output.shape[-1]))

    def call(self, y_true, y_pred):
        """Returns the error of each row, `(batch,)`."""
        y_true = keras.ops.reshape(keras.ops.cast(y_true, y_pred.dtype), (-1, len(self.scale)))
        y_pred = keras.ops.reshape(y_pred, (-1, len(self.scale)))
        error = (y_true - y_pred) / keras.ops.convert_to_tensor(self.scale, y_pred.dtype)
        return keras.ops.mean(keras.ops.square(error), axis=-1)

    def get_config(self):
        """Returns the arguments of the loss."""
        return {**super().get_config(), "scale": self.scale}

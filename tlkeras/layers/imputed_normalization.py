"""Numbers of a table, some of which are missing."""

import numbers

import keras


@keras.saving.register_keras_serializable("tlkeras")
class ImputedNormalization(keras.layers.Layer):
    """Puts a fixed value in the place of NaN, normalises, and can tell where the NaN were.

    `(x - mean) / deviation` with `fill` for a NaN, and beside it, with `indicator`, 1 where it was missing, else 0.

    Args:
        mean: What is taken off.
        deviation: What is divided by, > 0.
        fill: What stands for a missing value, the median say.
        indicator: Whether the second column is there.
        **kwargs: `name`, `dtype`.

    Raises:
        ValueError: If a number is not finite, or `deviation` not above 0.

    Example:
        >>> layer = ImputedNormalization(mean=2.0, deviation=4.0, fill=3.0, indicator=True)
        >>> keras.ops.convert_to_numpy(layer(np.array([[6.0], [np.nan]], "float32"))).tolist()
        [[1.0, 0.0], [0.25, 1.0]]
    """

    def __init__(self, mean=0.0, deviation=1.0, fill=0.0, *, indicator=False, **kwargs):
        super().__init__(**kwargs)
        for argument, number in {"mean": mean, "deviation": deviation, "fill": fill}.items():
            if not isinstance(number, numbers.Real) or not abs(number) < float("inf"):
                raise ValueError(f"`{argument}` must be a finite number. Received: {argument}={number!r}")
        if deviation <= 0:
            raise ValueError(f"`deviation` must be above 0. Received: deviation={deviation!r}")
        self.mean, self.deviation, self.fill = float(mean), float(deviation), float(fill)
        self.indicator = bool(indicator)

    def call(self, inputs):
        """Returns the normalised numbers, and where they were missing."""
        missing = keras.ops.not_equal(inputs, inputs)  # `isnan` has no operator in LiteRT
        known = keras.ops.where(missing, keras.ops.full_like(inputs, self.fill), inputs)
        normalised = (known - self.mean) / self.deviation
        if not self.indicator:
            return normalised
        return keras.ops.concatenate([normalised, keras.ops.cast(missing, normalised.dtype)], axis=-1)

    def get_config(self):
        """Returns the arguments of the layer."""
        arguments = {"mean": self.mean, "deviation": self.deviation, "fill": self.fill, "indicator": self.indicator}
        return {**super().get_config(), **arguments}

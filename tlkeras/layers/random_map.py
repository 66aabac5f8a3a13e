"""A random projection of a product that would be too wide."""

import keras

from tlkeras.ops.moments import check_rank_2


@keras.saving.register_keras_serializable("tlkeras")
class RandomMap(keras.layers.Layer):
    """Two random projections multiplied entry by entry: `(x R_x) * (y R_y) / sqrt(units)`.

    Its inner products estimate without bias those of the outer products `x y^T`. The matrices are standard normal,
    drawn once, never trained, and saved with the layer.

    Args:
        units: Width of the result.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If `units` is not a positive integer, or (when built) `x` or `y` is not of rank 2.

    Example:
        >>> tuple(RandomMap(units=16)(keras.ops.ones((8, 4)), keras.ops.ones((8, 3))).shape)
        (8, 16)

    Reference:
        Long, Cao, Wang, Jordan: Conditional Adversarial Domain Adaptation, 2018, https://arxiv.org/abs/1705.10667
    """

    def __init__(self, units=1024, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(units, int) or units < 1:
            raise ValueError(f"`units` must be an integer >= 1. Received: units={units!r}")
        self.units = units

    def build(self, x_shape, y_shape):
        """Draws the matrices for `x` of shape `(batch, a)` and `y` of shape `(batch, b)`."""
        self.projections = []
        for name, shape in (("x", x_shape), ("y", y_shape)):
            check_rank_2(name, keras.KerasTensor(shape))
            self.projections.append(
                self.add_weight(
                    name=f"{name}_projection",
                    shape=(shape[-1], self.units),
                    initializer=keras.initializers.RandomNormal(stddev=1.0),
                    trainable=False,
                )
            )

    def call(self, x, y):
        """Returns the product, `(batch, units)`."""
        left, right = (keras.ops.matmul(part, matrix) for part, matrix in zip((x, y), self.projections, strict=True))
        return left * right / self.units**0.5

    def compute_output_shape(self, x_shape, y_shape):
        """Returns `(batch, units)`."""
        return (x_shape[0], self.units)

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "units": self.units}

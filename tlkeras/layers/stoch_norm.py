"""Stochastic normalisation."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class StochNorm(keras.layers.BatchNormalization):
    """BatchNormalization that, in training, takes some channels' statistics from the moving averages.

    `s n(x; moving) + (1 - s) n(x; batch)` with `s` drawn for each channel and step, 1 with probability `p`, and `n` the
    normalisation with scale and offset. Outside training, and when frozen, it is a BatchNormalization.

    Deviation from the authors' code: the averages are those from before the step, so that on no backend a gradient
    flows through them.

    Args:
        p: Probability of the moving averages, in [0, 1]. 0 is BatchNormalization, 0.5 the paper's value.
        seed: Integer that the draws start from, or None.
        **kwargs: Arguments of `keras.layers.BatchNormalization`.

    Raises:
        ValueError: If `p` is outside [0, 1].

    Example:
        >>> tuple(StochNorm(p=0.5)(keras.ops.ones((2, 4)), training=True).shape)
        (2, 4)

    Reference:
        Kou, You, Long, Wang: Stochastic Normalization, 2020,
        https://papers.nips.cc/paper/2020/hash/bc573864331a9e42e4511de6f678aa83-Abstract.html
    """

    def __init__(self, p=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(p, int | float) or not 0 <= p <= 1:
            raise ValueError(f"`p` must be a number in [0, 1]. Received: p={p!r}")
        self.p = p
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=None, mask=None):
        """Returns the normalised inputs."""
        moving = super().call(inputs, training=False, mask=mask)
        if not (training and self.trainable):
            return moving
        batch = super().call(inputs, training=True, mask=mask)
        shape = [1] * len(inputs.shape)
        shape[self.axis] = inputs.shape[self.axis]
        chosen = keras.random.uniform(shape, seed=self.seed_generator, dtype="float32") < self.p
        return keras.ops.where(chosen, moving, batch)

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "p": self.p, "seed": self.seed}

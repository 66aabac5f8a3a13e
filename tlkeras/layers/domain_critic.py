"""The network that tells source from target."""

import keras

from tlkeras.ops.moments import check_rank_2


@keras.saving.register_keras_serializable("tlkeras")
class DomainCritic(keras.layers.Layer):
    """A small classifier of domains: Dense + ReLU blocks, with BatchNormalization between where wanted, and one logit.

    Args:
        hidden: Widths of the hidden layers.
        batch_norm: Whether a BatchNormalization follows each hidden Dense layer.
        logit_initializer: Of the last kernel; with `"zeros"` the critic starts undecided, all logits 0.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If a width is not a positive integer, or (when built) the features are not of rank 2.

    Example:
        >>> tuple(DomainCritic(hidden=(16,))(keras.ops.ones((8, 4))).shape)
        (8, 1)
    """

    def __init__(self, hidden=(1024, 1024), batch_norm=False, logit_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        if not all(isinstance(width, int) and width > 0 for width in hidden):
            raise ValueError(f"`hidden` must hold positive integers. Received: hidden={hidden}")
        self.hidden = tuple(hidden)
        self.batch_norm = batch_norm
        self.logit_initializer = logit_initializer
        self.blocks = []
        for index, width in enumerate(self.hidden):
            self.blocks.append(keras.layers.Dense(width, name=f"dense_{index}", dtype=self.dtype_policy))
            if batch_norm:
                self.blocks.append(keras.layers.BatchNormalization(name=f"norm_{index}", dtype=self.dtype_policy))
            self.blocks.append(keras.layers.ReLU(name=f"relu_{index}", dtype=self.dtype_policy))
        last = keras.layers.Dense(1, kernel_initializer=logit_initializer, name="logit", dtype=self.dtype_policy)
        self.blocks.append(last)

    def build(self, input_shape):
        """Builds the blocks for features `(batch, features)`."""
        check_rank_2("features", keras.KerasTensor(input_shape))
        for block in self.blocks:
            block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)

    def call(self, features, training=None):
        """Returns the logit of "this row is source", shape `(batch, 1)`."""
        for block in self.blocks:
            is_norm = isinstance(block, keras.layers.BatchNormalization)
            features = block(features, training=training) if is_norm else block(features)
        return features

    def compute_output_shape(self, input_shape):
        """Returns `(batch, 1)`."""
        return (input_shape[0], 1)

    def get_config(self):
        """Returns the arguments of the layer."""
        arguments = {"hidden": self.hidden, "batch_norm": self.batch_norm, "logit_initializer": self.logit_initializer}
        return {**super().get_config(), **arguments}

"""Losses of several tasks weighed by what the tasks leave uncertain."""

import keras

from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class UncertaintyWeighting(Method):
    """Learns the weights of the losses of a model with several named outputs, so that none of them drowns the others.

    `loss = sum_t exp(-s_t) loss_t + s_t / 2` with a trained scalar `s_t = log sigma_t^2` for each output. At its best
    `exp(-s_t) = 1 / (2 loss_t)`: a loss in large units, or of labels that are mostly noise, counts less.

    The first sum are factors on the compiled losses, the term of this method is the second. Validation and `evaluate`
    on plain data show the losses without factors. The logs hold `uncertaintyweighting_digit`, the factor of the output
    `digit`, and, by Keras, `digit_loss`, the loss times its factor.

    The scalars have the rate of the other weights, and under Adam the first gradients, as large as the losses, hold the
    later ones back: a loss of 1000 at the start was weighed by ten times its factor at rest after 150 steps of rate
    0.2. Divide the labels of a regression by their spread first.

    Deviation from the paper: it halves the losses of regressions, `exp(-s_t) / 2`; compile with
    `loss_weights={"thickness": 0.5}` for that.

    Args:
        name: Name in the logs.

    Views:
        None: it weighs the labelled views.

    Returns:
        `sum_t s_t / 2`, 0 at the start; of any sign.

    Raises:
        ValueError: If the model has no dict of at least two outputs.

    Example:
        >>> UncertaintyWeighting().name
        'uncertaintyweighting'

    Reference:
        Kendall, Gal, Cipolla: Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics,
        2018, https://arxiv.org/abs/1705.07115
    """

    views = ()

    def __init__(self, *, name=None):
        super().__init__(name=name)

    @property
    def taps(self):
        """It reads no layer."""
        return ()

    def bind(self, model):
        """Makes a scalar for each output."""
        if not isinstance(model.output, dict) or len(model.output) < 2:
            raise ValueError(
                "`UncertaintyWeighting` weighs several tasks against each other: the model must return a dict of two "
                f"outputs or more. Received: {model.name} with outputs {model.output_names}"
            )
        made = {"shape": (), "initializer": "zeros", "aggregation": "mean"}
        self.log_variances = {task: self.add_weight(name=f"log_variance_{task}", **made) for task in model.output}
        self.factors = {task: keras.metrics.Mean(name=f"{self.name}_{task}") for task in model.output}

    def weigh(self, batch):
        """Returns the factor of each output."""
        return {task: keras.ops.exp(-value) for task, value in self.log_variances.items()}

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        for task, value in self.log_variances.items():
            self.factors[task].update_state(keras.ops.exp(-value))
        return sum(keras.ops.convert_to_tensor(value) for value in self.log_variances.values()) / 2.0

    def get_config(self):
        """Returns the arguments of the method."""
        return {"name": self.name}

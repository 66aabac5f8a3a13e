"""The learning rate of domain-adversarial training."""

import keras

from tlkeras.optimizers.scaled import is_rate


@keras.saving.register_keras_serializable("tlkeras")
class InverseDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Falls as a power of the step: `rate * (1 + gamma * step) ** -power`.

    The paper writes it over the share of the training that is done, `(1 + 10 p) ** -0.75`: `gamma = 10 / steps`.
    `keras.optimizers.schedules.InverseTimeDecay` knows only `power = 1`.

    Args:
        rate: Rate at step 0, a number > 0.
        gamma: How fast it falls, a number >= 0; 0 keeps the rate.
        power: Exponent, a number > 0.
        name: Name of the schedule.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> round(float(InverseDecay(1.0, gamma=15.0, power=0.75)(1)), 4)
        0.125

    Reference:
        Ganin et al.: Domain-Adversarial Training of Neural Networks, 2016, https://arxiv.org/abs/1505.07818
    """

    def __init__(self, rate, gamma=1e-3, *, power=0.75, name=None):
        super().__init__()
        if not is_rate(rate) or callable(rate):
            raise ValueError(f"`rate` must be a number > 0. Received: rate={rate!r}")
        if not gamma >= 0 or not power > 0:
            raise ValueError(f"`gamma` must be >= 0 and `power` > 0. Received: gamma={gamma}, power={power}")
        self.rate = rate
        self.gamma = gamma
        self.power = power
        self.name = name

    def __call__(self, step):
        """Returns the rate at `step`."""
        return self.rate * (1.0 + self.gamma * keras.ops.cast(step, "float32")) ** -self.power

    def get_config(self):
        """Returns the arguments of the schedule."""
        return {"rate": self.rate, "gamma": self.gamma, "power": self.power, "name": self.name}

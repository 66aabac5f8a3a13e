"""A linear warm-up in front of any learning rate."""

import keras

from tlkeras.optimizers.scaled import is_rate


@keras.saving.register_keras_serializable("tlkeras")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to the rate that follows: `rate(0) * (step + 1) / steps` while `step < steps`.

    Afterwards a number stays, and a schedule runs from its own step 0. `keras.optimizers.schedules.CosineDecay` has a
    warm-up of its own (`warmup_steps`); this one is for all others.

    Args:
        rate: Number > 0, or a schedule from `keras.optimizers.schedules`.
        steps: Training steps of the warm-up, an integer >= 1.
        name: Name of the schedule.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> warmup = Warmup(0.1, steps=4)
        >>> [round(float(warmup(step)), 3) for step in (0, 1, 3, 4, 100)]
        [0.025, 0.05, 0.1, 0.1, 0.1]

    Reference:
        Goyal et al.: Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, 2017, https://arxiv.org/abs/1706.02677
    """

    def __init__(self, rate, steps, *, name=None):
        super().__init__()
        if not is_rate(rate):
            raise ValueError(f"`rate` must be a number > 0 or a Keras schedule. Received: rate={rate!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ValueError(f"`steps` must be an integer >= 1. Received: steps={steps!r}")
        self.rate = rate
        self.steps = steps
        self.name = name

    def __call__(self, step):
        """Returns the rate at `step`."""
        step = keras.ops.cast(step, "float32")
        factor = keras.ops.minimum((step + 1.0) / self.steps, 1.0)
        if not callable(self.rate):
            return self.rate * factor
        return factor * keras.ops.cast(self.rate(keras.ops.maximum(step - self.steps, 0.0)), "float32")

    def get_config(self):
        """Returns the arguments of the schedule."""
        rate = keras.saving.serialize_keras_object(self.rate) if callable(self.rate) else self.rate
        return {"rate": rate, "steps": self.steps, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """Builds the schedule from `get_config`."""
        if isinstance(config["rate"], dict):
            config = {**config, "rate": keras.saving.deserialize_keras_object(config["rate"])}
        return cls(**config)

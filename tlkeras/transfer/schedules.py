"""Weights and strengths that change with the step: a number, or any Keras learning-rate schedule."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class DANNRamp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises smoothly from 0 to `high`: `high * (2 / (1 + exp(-gamma * p)) - 1)` with `p = step / steps`, at most 1.

    Args:
        steps: Number of steps after which the ramp is flat.
        high: Value that the ramp approaches.
        gamma: Steepness; the paper uses 10.

    Raises:
        ValueError: If `steps` or `gamma` is not positive.

    Example:
        >>> round(float(DANNRamp(steps=100)(50)), 4)
        0.9866

    Reference:
        Ganin et al.: Domain-Adversarial Training of Neural Networks, 2016, https://arxiv.org/abs/1505.07818
    """

    def __init__(self, steps, high=1.0, gamma=10.0):
        super().__init__()
        if steps <= 0 or gamma <= 0:
            raise ValueError(f"`steps` and `gamma` must be positive. Received: steps={steps}, gamma={gamma}")
        self.steps = steps
        self.high = high
        self.gamma = gamma

    def __call__(self, step):
        """Returns the value at `step`."""
        progress = keras.ops.minimum(keras.ops.cast(step, "float32") / self.steps, 1.0)
        return self.high * (2.0 / (1.0 + keras.ops.exp(-self.gamma * progress)) - 1.0)

    def get_config(self):
        """Returns the arguments of the ramp."""
        return {"steps": self.steps, "high": self.high, "gamma": self.gamma}


def check(name, value):
    """Returns `value` when it is a number >= 0 or a schedule, and raises otherwise.

    Args:
        name: Name of the argument, for the error.
        value: What the caller gave for it.

    Raises:
        ValueError: If `value` is neither.

    Example:
        >>> check("weight", 0.5)
        0.5
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if is_number or isinstance(value, keras.optimizers.schedules.LearningRateSchedule):
        return value
    raise ValueError(
        f"`{name}` must be a number >= 0 or a schedule from `keras.optimizers.schedules` or `tlkeras.transfer`. "
        f"Received: {name}={value!r}"
    )


def value_at(value, step):
    """Returns a number, or a schedule's value at `step`.

    Args:
        value: Number or schedule.
        step: Scalar step.

    Example:
        >>> value_at(0.5, step=3)
        0.5
    """
    return value(step) if callable(value) else value


def serialized(value):
    """Returns a number, or the configuration of a schedule, for `get_config`; `Method.from_config` reads both.

    Args:
        value: Number or schedule.

    Example:
        >>> serialized(0.5), serialized(DANNRamp(steps=100))["class_name"]
        (0.5, 'DANNRamp')
    """
    return keras.saving.serialize_keras_object(value) if callable(value) else value

"""A learning rate times a constant."""

import keras

_Schedule = keras.optimizers.schedules.LearningRateSchedule


@keras.saving.register_keras_serializable("tlkeras")
class Scaled(_Schedule):
    """Multiplies a schedule: `multiple * schedule(step)`.

    Args:
        schedule: A schedule from `keras.optimizers.schedules`.
        multiple: Number.

    Raises:
        ValueError: If `schedule` is not a schedule.

    Example:
        >>> halves = keras.optimizers.schedules.ExponentialDecay(1.0, decay_steps=1, decay_rate=0.5)
        >>> [float(Scaled(halves, 0.5)(step)) for step in (0, 1, 2)]
        [0.5, 0.25, 0.125]
    """

    def __init__(self, schedule, multiple):
        super().__init__()
        if not isinstance(schedule, _Schedule):
            raise ValueError(f"`schedule` must be a Keras schedule. Received: schedule={schedule!r}")
        self.schedule = schedule
        self.multiple = multiple

    def __call__(self, step):
        """Returns the value at `step`."""
        return self.multiple * self.schedule(step)

    def get_config(self):
        """Returns the arguments of the schedule."""
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "multiple": self.multiple}

    @classmethod
    def from_config(cls, config):
        """Builds the schedule from `get_config`."""
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["multiple"])


def is_rate(rate) -> bool:
    """Tells whether `rate` is a number > 0 or a schedule.

    Args:
        rate: Whatever was given as a learning rate.

    Example:
        >>> is_rate(1e-3), is_rate(0), is_rate("fast")
        (True, False, False)
    """
    is_number = isinstance(rate, int | float) and not isinstance(rate, bool)
    return (is_number and 0 < rate < float("inf")) or isinstance(rate, _Schedule)


def rate_of(optimizer):
    """Returns the learning rate of an optimizer as a float or a schedule.

    Args:
        optimizer: `keras.optimizers.Optimizer` with one rate.

    Raises:
        ValueError: If the rate is neither, or the optimizer has none.

    Example:
        >>> round(rate_of(keras.optimizers.SGD(0.25)), 6)
        0.25
    """
    try:
        rate = optimizer.get_config()["learning_rate"]
    except KeyError:
        raise ValueError(
            "`optimizer` must have one learning rate, as plain Keras optimizers do. "
            f"Received: {type(optimizer).__name__}"
        ) from None
    rate = keras.saving.deserialize_keras_object(rate) if isinstance(rate, dict) else rate
    if not is_rate(rate):
        raise ValueError(
            f"The learning rate must be a number > 0 or a Keras schedule. Received: learning_rate={rate!r}"
        )
    return rate


def with_rate(optimizer, rate, *, name=None):
    """Returns a fresh optimizer with the arguments of `optimizer` and another learning rate; it shares no state.

    Args:
        optimizer: `keras.optimizers.Optimizer` with one rate.
        rate: Number or schedule.
        name: Name of the new optimizer; by default the old one's.

    Example:
        >>> fresh = with_rate(keras.optimizers.SGD(0.25, momentum=0.5), 0.125)
        >>> float(fresh.learning_rate), fresh.momentum
        (0.125, 0.5)
    """
    config = optimizer.get_config()
    return type(optimizer).from_config({**config, "learning_rate": rate, "name": name or config["name"]})

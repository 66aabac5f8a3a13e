import keras
import numpy as np
import pytest

from tlkeras.optimizers.scaled import Scaled, rate_of, with_rate


def test_multiplies_the_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.2, 10, warmup_target=0.4, warmup_steps=3)
    np.testing.assert_allclose(
        [float(Scaled(schedule, 0.25)(s)) for s in range(13)], [0.25 * float(schedule(s)) for s in range(13)]
    )


def test_a_number_is_no_schedule():
    with pytest.raises(ValueError, match="`schedule` must be a Keras schedule. Received: schedule=0.1"):
        Scaled(0.1, 0.5)


def test_with_rate_keeps_the_other_arguments_and_the_original():
    optimizer = keras.optimizers.AdamW(0.5, weight_decay=0.3, beta_1=0.7, clipnorm=2.0)
    schedule = keras.optimizers.schedules.CosineDecay(0.25, 10)
    fresh = with_rate(optimizer, schedule, name="other")
    assert (fresh.weight_decay, fresh.beta_1, fresh.clipnorm, fresh.name) == (0.3, 0.7, 2.0, "other")
    assert float(fresh.learning_rate) == 0.25 and rate_of(fresh)(0) == schedule(0)
    assert rate_of(optimizer) == 0.5


def test_an_optimizer_without_one_rate_is_refused():
    multi = keras.optimizers.MultiOptimizer(keras.optimizers.OptimizerMap(keras.optimizers.SGD()))
    with pytest.raises(ValueError, match="must have one learning rate"):
        rate_of(multi)

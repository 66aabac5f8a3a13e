import keras
import numpy as np
import pytest

from tlkeras.optimizers import Scaled, Warmup


def test_a_number_stays_after_the_warm_up():
    np.testing.assert_allclose([float(Warmup(0.4, 4)(s)) for s in range(6)], [0.1, 0.2, 0.3, 0.4, 0.4, 0.4], rtol=1e-6)


def test_a_schedule_starts_at_its_own_step_0_after_the_warm_up():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [1.0, 0.5])
    rates = [float(Warmup(schedule, 2)(step)) for step in range(7)]
    np.testing.assert_allclose(rates, [0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5])


def test_survives_serialisation_nested():
    cosine = keras.optimizers.schedules.CosineDecay(0.1, 20)
    schedule = Scaled(Warmup(cosine, 5), 0.3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert [float(again(s)) for s in range(25)] == [float(schedule(s)) for s in range(25)]


def test_sets_the_size_of_each_step_of_an_optimizer():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(Warmup(1.0, 4)), "mae")
    sizes, previous = [], 0.0
    for _ in range(6):
        model.train_on_batch(np.ones((1, 1)), np.full((1, 1), 100.0))
        value = float(model.get_weights()[0][0, 0])
        sizes.append(value - previous)
        previous = value
    np.testing.assert_allclose(sizes, [0.25, 0.5, 0.75, 1, 1, 1], rtol=1e-6)


@pytest.mark.parametrize("rate", [0, -1.0, "fast", float("nan"), None, True])
def test_a_bad_rate_is_refused(rate):
    with pytest.raises(ValueError, match=r"`rate` must be a number > 0 or a Keras schedule. Received: rate="):
        Warmup(rate, 3)


@pytest.mark.parametrize("steps", [0, 1.5, True, None])
def test_bad_steps_are_refused(steps):
    with pytest.raises(ValueError, match=r"`steps` must be an integer >= 1. Received: steps="):
        Warmup(0.1, steps)

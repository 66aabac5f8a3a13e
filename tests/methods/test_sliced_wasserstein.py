import keras
import numpy as np
import pytest

from tests.methods.hand import one_step
from tlkeras.methods import SlicedWasserstein
from tlkeras.ops import random_directions
from tlkeras.testing import Case, spurious_feature, toy_accuracy

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("rows", [(6, 4), (5, 5), (1, 3)])
def test_one_step_equals_the_hand_derivation(rows):
    """Rows repeated to n * m, sorted along each direction and joined in order: value and gradient."""
    xs, xt = RNG.normal(size=(rows[0], 3)), RNG.normal(1, 1, size=(rows[1], 3))
    received, (encoder, _), (after, _) = one_step(SlicedWasserstein(projections=7, seed=3), xs, xt)
    long_s, long_t = np.repeat(xs, rows[1], axis=0), np.repeat(xt, rows[0], axis=0)
    value, gradient = 0.0, np.zeros_like(encoder)
    for u in np.array(random_directions(2, 7, keras.random.SeedGenerator(3)), "float64").T:
        order_s, order_t = np.argsort(long_s @ encoder @ u), np.argsort(long_t @ encoder @ u)
        gaps = long_s[order_s] - long_t[order_t]
        value += ((gaps @ encoder @ u) ** 2).mean() / 7
        gradient += 2 * np.outer((gaps * (gaps @ encoder @ u)[:, None]).mean(axis=0), u) / 7
    np.testing.assert_allclose(received, value, rtol=1e-4)
    np.testing.assert_allclose(after, encoder - gradient, atol=1e-5)
    assert np.abs(gradient).max() > 1e-2


def test_training_draws_anew_and_evaluation_does_not():
    model = Case(SlicedWasserstein, {"projections": 2, "seed": 1}).transfer(learning_rate=0.0)
    views, labels = Case(SlicedWasserstein).batches()[0]
    name = model.methods[0].name
    trained = [model.train_on_batch(views, labels, return_dict=True)[name] for _ in range(2)]
    model.reset_metrics()
    evaluated = []
    for _ in range(2):
        evaluated.append(model.test_on_batch(views, labels, return_dict=True)[name])
        model.reset_metrics()
    assert trained[0] != trained[1]
    assert evaluated[0] == evaluated[1]


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [SlicedWasserstein(seed=0, weight=10.0)]) >= source_only + 0.15


@pytest.mark.parametrize("projections", [0, 1.5])
def test_wrong_projections_are_refused(projections):
    with pytest.raises(ValueError, match="`projections` must be an integer >= 1. Received: projections="):
        SlicedWasserstein(projections=projections)

import keras
import numpy as np
import pytest

from tlkeras.methods import DANN
from tlkeras.testing import Case, common, spurious_feature, toy_accuracy
from tlkeras.transfer import DANNRamp, TransferModel


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_one_step_equals_the_hand_derivation():
    """A linear encoder and a linear critic: both gradients worked out in NumPy, the encoder's reversed and scaled."""
    keras.utils.set_random_seed(0)
    strength, rate = 0.3, 0.5
    inputs = keras.Input((3,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
    method = DANN(strength=strength, hidden=())
    transfer = TransferModel(model, [method])
    transfer.compile(keras.optimizers.SGD(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    random = np.random.default_rng(0)
    xs, xt = random.normal(size=(5, 3)).astype("float32"), random.normal(size=(7, 3)).astype("float32")
    encoder, critic = (np.array(v) for v in (model.get_layer("features").kernel, method.critic.blocks[-1].kernel))

    x = np.concatenate([xs, xt])
    domain = np.concatenate([np.ones(5), np.zeros(7)])
    z = (x @ encoder @ critic)[:, 0]
    term = -np.mean(domain * np.log(sigmoid(z)) + (1 - domain) * np.log(1 - sigmoid(z)))
    error = ((sigmoid(z) - domain) / len(x))[:, None]
    new_critic = critic - rate * (x @ encoder).T @ error
    new_encoder = encoder + rate * strength * x.T @ error @ critic.T

    logs = transfer.train_on_batch(
        {"source": xs, "target": xt}, {"source": np.zeros(5, int)}, {"source": np.zeros(5)}, return_dict=True
    )
    np.testing.assert_allclose(logs["dann"], term, rtol=1e-5)
    np.testing.assert_allclose(np.array(method.critic.blocks[-1].kernel), new_critic, atol=1e-6)
    np.testing.assert_allclose(np.array(model.get_layer("features").kernel), new_encoder, atol=1e-6)


def test_strength_follows_its_schedule():
    """Strength 0 at step 0 of the ramp: the critic learns, the encoder does not; later it does."""
    model = Case(DANN, {"hidden": (8,), "strength": DANNRamp(steps=10)}).transfer(jit_compile=common.COMPILES)
    views, labels = Case(DANN).batches()[0]
    silent = {"source": np.zeros(common.ROWS)}
    encoder = model.model.get_layer("features")
    before = encoder.get_weights()
    model.train_on_batch(views, labels, silent)
    np.testing.assert_array_equal(encoder.get_weights()[0], before[0])
    model.train_on_batch(views, labels, silent)
    assert not np.array_equal(encoder.get_weights()[0], before[0])


def test_solves_a_toy_that_source_only_does_not():
    domains = spurious_feature()
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.65
    assert toy_accuracy(domains, [DANN(strength=1.0, hidden=(16,))]) >= source_only + 0.12


@pytest.mark.parametrize("strength", [-1.0, "1", True])
def test_a_wrong_strength_is_refused(strength):
    with pytest.raises(ValueError, match="`strength` must be a number >= 0 or a schedule"):
        DANN(strength=strength)


def test_a_critic_that_knows_nothing_gives_log_2():
    method = DANN(hidden=())
    model = Case(DANN, {"hidden": ()}).transfer(learning_rate=0.0)
    critic = model.methods[0].critic.blocks[-1]
    critic.set_weights([np.zeros((8, 1)), np.zeros(1)])
    views, labels = Case(DANN).batches()[0]
    assert model.train_on_batch(views, labels, return_dict=True)[method.name] == pytest.approx(np.log(2), rel=1e-6)

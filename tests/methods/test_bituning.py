import functools

import keras
import numpy as np
import pytest

from tlkeras.methods import BiTuning
from tlkeras.methods.distill.bituning import MOMENTUM
from tlkeras.testing import common, fine_tuned_accuracy, renamed_classes
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
T = 0.5


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def lifted(features):
    return unit(np.concatenate([features, np.ones((len(features), 1))], axis=1))


def term(kernel, weights, x, y, keys, queue):
    """The two contrasts row by row; `keys` are of this batch, `queue` holds those of earlier ones by class."""
    p, b, head, bias = weights
    features = x @ kernel
    z, h, w = unit(features @ p + b), lifted(features), unit(np.concatenate([head, bias[None]]).T)
    total = 0.0
    for i, label in enumerate(y):
        past = [(owner == label, key) for owner, listed in queue.items() for key in listed]
        for own, others in (
            (z[i] @ keys[0][i], [(like, z[i] @ key[0]) for like, key in past]),
            (w[label] @ h[i], [(like, w[label] @ key[1]) for like, key in past]),
        ):
            pairs = [(True, own), *others]
            norm = np.log(sum(np.exp(s / T) for _, s in pairs))
            total -= np.mean([s / T - norm for like, s in pairs if like])
    return total / len(y)


def value_of(kernel, head, others, rest):
    p, b, bias = others
    return term(kernel, (p, b, head, bias), *rest)


def differences(function, weights):
    gradient = np.zeros(weights.shape)
    for index in np.ndindex(weights.shape):
        step = np.zeros(weights.shape)
        step[index] = 1e-4
        gradient[index] = (function(weights + step) - function(weights - step)) / 2e-4
    return gradient


def test_three_steps_equal_the_hand_derivation():
    """Values over a queue that fills and wraps, the key encoder's average, and the gradient by central differences."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(3, use_bias=False, name="features")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
    transfer = TransferModel(model, [BiTuning(queue_size=2, temperature=T)])
    common.compile_model(transfer, learning_rate=0.1)
    method, layer = transfer.methods[0], model.get_layer("features")
    key_kernel, (key_p, key_b) = layer.get_weights()[0], method.projector.get_weights()
    queue = {0: [], 1: [], 2: []}
    for _ in range(3):
        x, y = RNG.normal(size=(5, 4)).astype("float32"), RNG.integers(0, 3, 5)
        kernel, (p, b), (head, bias) = (
            layer.get_weights()[0].astype("float64"),
            method.projector.get_weights(),
            [weight.astype("float64") for weight in model.get_layer("logits").get_weights()],
        )
        keys = unit(x @ key_kernel @ key_p + key_b), lifted(x @ key_kernel)
        rest = x, y, keys, queue
        value = functools.partial(value_of, others=(p, b, bias), rest=rest)
        gradient = differences(functools.partial(value, head=head), kernel)
        head_gradient = differences(functools.partial(value, kernel), head)
        transfer.reset_metrics()
        logs = transfer.train_on_batch(x, y, sample_weight=np.zeros(5), return_dict=True)
        np.testing.assert_allclose(logs["bituning"], value(kernel, head), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(layer.get_weights()[0], kernel - 0.1 * gradient, atol=1e-5)
        np.testing.assert_allclose(model.get_layer("logits").get_weights()[0], head - 0.1 * head_gradient, atol=1e-5)
        key_kernel = MOMENTUM * key_kernel + (1 - MOMENTUM) * kernel
        key_p, key_b = MOMENTUM * key_p + (1 - MOMENTUM) * p, MOMENTUM * key_b + (1 - MOMENTUM) * b
        np.testing.assert_allclose(method.key_encoder.get_weights()[0], key_kernel, atol=1e-6)
        np.testing.assert_allclose(method.key_projector.get_weights()[0], key_p, atol=1e-6)
        for i, label in enumerate(y):
            queue[label] = [*queue[label], (keys[0][i], keys[1][i])][-2:]
    assert np.linalg.norm(gradient) > 0.01


def test_keys_of_a_view_of_their_own():
    keras.utils.set_random_seed(0)
    transfer = TransferModel(common.small_model(), [BiTuning(key_view="source_key")])
    common.compile_model(transfer)
    x, y = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 3, 8)
    transfer.fit({"source": x, "source_key": x + 0.1}, y, batch_size=4, verbose=0)
    assert int(keras.ops.sum(transfer.methods[0].queue.counts)) == 8
    with pytest.raises(ValueError, match="lacks the views \\['source_key'\\] that \\['bituning'\\] read"):
        transfer.fit(x, y, verbose=0)


def test_a_bottleneck_is_what_the_classifier_reads():
    inputs = keras.Input((4,))
    features = keras.layers.Dense(6, name="features")(inputs)
    norm = keras.layers.BatchNormalization(name="bottleneck")(keras.layers.Dense(5)(features))
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(norm))
    transfer = TransferModel(model, [BiTuning(queue_size=4)])
    common.compile_model(transfer)
    x, y = RNG.normal(size=(8, 4)).astype("float32"), RNG.integers(0, 3, 8)
    assert np.isfinite(common.train(transfer, [(x, y)] * 3)).all()
    with pytest.raises(ValueError, match="Dense layer on the tapped one.*Received: tap='features'"):
        TransferModel(model, [BiTuning(tap="features")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"queue_size": 0}, "`queue_size` must be an integer >= 1. Received: queue_size=0"),
        ({"temperature": 0}, "`temperature` must be > 0. Received: temperature=0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BiTuning(**arguments)


def test_one_hot_labels_are_refused():
    transfer = TransferModel(common.small_model(), [BiTuning()])
    transfer.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    with pytest.raises(ValueError, match="argmax of one-hot rows"):
        transfer.train_on_batch(np.ones((3, 4), "float32"), np.eye(3))


@pytest.mark.exhaustive
def test_solves_a_toy_that_three_labels_a_class_do_not():
    tasks = renamed_classes(per_class=3)
    plain = fine_tuned_accuracy(tasks, lambda pretrained: [])
    assert plain < 0.5
    assert fine_tuned_accuracy(tasks, lambda pretrained: [BiTuning(queue_size=8, weight=3.0)]) >= plain + 0.05

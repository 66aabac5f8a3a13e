import gc
import weakref

import keras
import numpy as np
import pytest

from tests.methods.hand import slope, softmax
from tlkeras.methods import SHOT
from tlkeras.testing import Case, common, shifted_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)


def nearest(features, centroids):
    return (features @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T).argmax(axis=1)


def term(features, head, labels, beta):
    p = softmax(features @ head)
    mean = p.mean(axis=0)
    confidence = -(p * np.log(p)).sum(axis=1).mean()
    diversity = -(mean * np.log(mean)).sum()
    return confidence - diversity - beta * np.log(p[np.arange(len(p)), labels]).mean()


def linear(method, rate=0.5, inputs=3, width=2, classes=3):
    entry = keras.Input((inputs,))
    features = keras.layers.Dense(width, use_bias=False, name="features")(entry)
    model = keras.Model(entry, keras.layers.Dense(classes, use_bias=False, trainable=False, name="logits")(features))
    transfer = TransferModel(model, [method])
    transfer.compile(keras.optimizers.SGD(rate), jit_compile=False)
    return transfer


def test_two_steps_equal_the_hand_derivation():
    """Pseudo-labels and centroids in NumPy row by row; the gradient by central differences at fixed pseudo-labels."""
    keras.utils.set_random_seed(1)
    beta, momentum, rate = 0.7, 0.6, 0.5
    transfer = linear(SHOT(beta=beta, momentum=momentum), rate)
    encoder, head = (value.astype("float64") for value in transfer.model.get_weights())
    centroids, refined = np.zeros((3, 3)), np.zeros((3, 3))
    for _ in range(2):
        x = RNG.normal(size=(8, 3)).astype("float32")
        lifted = np.concatenate([x @ encoder, np.ones((8, 1))], axis=1)
        p = softmax(x @ encoder @ head)
        centroids = momentum * centroids + (1 - momentum) * sum(np.outer(q, f) for q, f in zip(p, lifted, strict=True))
        first = nearest(lifted, centroids)
        refined = momentum * refined + (1 - momentum) * np.array([lifted[first == k].sum(axis=0) for k in range(3)])
        labels = nearest(lifted, np.where(refined == 0, 1e-30, refined))
        value = term(x @ encoder, head, labels, beta)
        gradient = slope(lambda w, x=x, y=labels: term(x @ w, head, y, beta), encoder)

        logs = transfer.train_on_batch({"target": x}, return_dict=True)
        transfer.reset_metrics()
        encoder = encoder - rate * gradient
        np.testing.assert_allclose(logs["shot"], value, rtol=1e-4)
        np.testing.assert_allclose(transfer.model.get_weights()[0], encoder, atol=1e-5)
        np.testing.assert_allclose(np.array(transfer.methods[0].centroids), centroids, atol=1e-5)
        np.testing.assert_allclose(np.array(transfer.methods[0].refined), refined, atol=1e-5)
        assert logs["shot_largest_class"] == pytest.approx(np.bincount(p.argmax(axis=1)).max() / 8)
    np.testing.assert_array_equal(transfer.model.get_weights()[1], head.astype("float32"))


def source_model(xs, ys):
    keras.utils.set_random_seed(0)
    entry = keras.Input((2,))
    features = keras.layers.Dense(16, "relu", name="features")(entry)
    model = keras.Model(entry, keras.layers.Dense(3, name="logits")(features))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=True)
    model.fit(xs, ys, batch_size=50, epochs=30, verbose=0)
    return model


def test_solves_a_toy_that_source_only_does_not_with_the_source_deleted():
    xs, ys, xt, yt = shifted_clusters()
    model = source_model(xs, ys)
    gone = weakref.ref(xs)
    del xs, ys
    gc.collect()
    assert gone() is None

    def accuracy():
        return (model.predict(xt, verbose=0).argmax(axis=1) == yt).mean()

    source_only = accuracy()
    assert source_only < 0.9
    model.get_layer("logits").trainable = False
    head = model.get_layer("logits").get_weights()
    transfer = TransferModel(model, [SHOT()])
    transfer.compile(keras.optimizers.Adam(0.01), jit_compile=True)
    history = transfer.fit({"target": xt}, batch_size=50, epochs=30, verbose=0).history
    assert accuracy() >= source_only + 0.15
    assert history["shot_largest_class"][-1] < 0.6
    for now, then in zip(model.get_layer("logits").get_weights(), head, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_collapse_is_in_the_logs():
    transfer = linear(SHOT(), rate=0.0)
    transfer.model.get_layer("logits").set_weights([np.array([[9.0, 0, 0], [9.0, 0, 0]])])
    transfer.model.get_layer("features").set_weights([np.ones((3, 2))])
    x = RNG.uniform(1, 2, (8, 3)).astype("float32")
    history = transfer.fit({"target": x}, batch_size=4, verbose=0).history
    assert history["shot_largest_class"] == [1.0]


def test_evaluation_on_one_domain_reports_no_share():
    model = Case(SHOT, frozen=("logits",)).transfer()
    logs = model.evaluate(np.ones((4, 4)), np.zeros(4, int), verbose=0, return_dict=True)
    assert set(logs) == {"loss"}


@pytest.mark.parametrize("rows", [1, 2])
def test_few_rows_and_absent_classes_are_finite(rows):
    transfer = linear(SHOT())
    logs = transfer.train_on_batch({"target": RNG.normal(size=(rows, 3)).astype("float32")}, return_dict=True)
    assert np.isfinite(logs["shot"]) and np.isfinite(transfer.model.get_weights()[0]).all()


def test_a_classifier_that_would_be_trained_is_refused():
    with pytest.raises(ValueError, match="`logits` must be frozen.*Received: logits.trainable=True"):
        TransferModel(common.small_model(), [SHOT()])


def test_a_map_is_refused():
    entry = keras.Input((4, 4, 1))
    maps = keras.layers.Conv2D(2, 3, name="features")(entry)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    model = keras.Model(entry, keras.layers.Dense(3, trainable=False, name="logits")(pooled))
    with pytest.raises(ValueError, match="`features` must have rank 2"):
        TransferModel(model, [SHOT()])


@pytest.mark.parametrize("arguments", [{"beta": -0.1}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` must be"):
        SHOT(**arguments)

import keras
import numpy as np
import pytest

from tests.methods.hand import slope, softmax
from tlkeras.layers import DomainBatchNormalization, view_scope
from tlkeras.methods import Entropy
from tlkeras.surgery import domain_norms, strip_domains
from tlkeras.testing import common, shifted_clusters
from tlkeras.transfer import Method, TransferModel

RNG = np.random.default_rng(0)
VIEWS = {"source": 6, "target": 5, "source_2": 4, "unlabeled": 3}
X = RNG.normal(2, 3, (18, 2, 400)).astype("float32")
OF_SOURCE = np.repeat([True, False, True, False], [6, 5, 4, 3])


class Reads(Method):
    """Runs the views it is told, and adds nothing."""

    default_taps = ("output",)

    def __init__(self, views=("target",), **kwargs):
        super().__init__(**kwargs)
        self.views = views

    def call(self, batch, training=None):
        return 0.0 * sum(keras.ops.sum(batch.get(view, "output")) for view in self.views)


def built(**arguments):
    layer = DomainBatchNormalization(**arguments)
    layer.build(X.shape)
    layer.set_weights([RNG.uniform(0.5, 2, value.shape) for value in layer.get_weights()])
    return layer


def run(layer, training, views=VIEWS):
    with view_scope(views):
        return keras.ops.convert_to_numpy(layer(X, training=training))


def values(layer, domain):
    return [np.array(layer.variables_of(domain)[name]) for name in ("gamma", "beta", "moving_mean", "moving_variance")]


def normalised(x, gamma, beta, mean, variance):
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


@pytest.mark.parametrize("shared", [False, True])
def test_each_domain_is_normalised_by_itself(shared):
    layer = built(shared_affine=shared)
    assert len(layer.weights) == (6 if shared else 8)
    for domain, rows in (("source", OF_SOURCE), ("target", ~OF_SOURCE)):
        gamma, beta, mean, variance = values(layer, domain)
        np.testing.assert_allclose(run(layer, False)[rows], normalised(X[rows], gamma, beta, mean, variance), atol=1e-3)
    before = {domain: values(layer, domain) for domain in ("source", "target")}
    received = run(layer, training=True)
    for domain, rows in (("source", OF_SOURCE), ("target", ~OF_SOURCE)):
        gamma, beta, mean, variance = before[domain]
        batch = X[rows].mean(axis=(0, 1)), X[rows].var(axis=(0, 1))
        np.testing.assert_allclose(received[rows], normalised(X[rows], gamma, beta, *batch), atol=1e-3)
        after = values(layer, domain)
        np.testing.assert_allclose(after[2], 0.99 * mean + 0.01 * batch[0], atol=1e-4)
        np.testing.assert_allclose(after[3], 0.99 * variance + 0.01 * batch[1], atol=1e-4)
    assert (np.array_equal(before["source"][0], before["target"][0])) == shared


def test_plain_inference_is_the_targets():
    layer = built()
    np.testing.assert_array_equal(layer(X), run(layer, False, {"target": 18}))
    assert not np.allclose(layer(X), run(layer, False, {"source": 18}))


def test_training_without_views_is_refused_unless_frozen():
    layer = built(name="norm")
    with pytest.raises(ValueError, match="trains in a `TransferModel`.*without views, layer norm"):
        layer(X, training=True)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(X, training=True), layer(X))
    run(layer, training=True)
    for now, then in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_masks_and_another_axis():
    layer = DomainBatchNormalization(axis=1)
    with view_scope({"source": 3, "target": 2}):
        assert layer(X[:5], training=True).shape == (5, 2, 400)
    layer, mask = DomainBatchNormalization(momentum=0.0), np.arange(2)[None] < RNG.integers(1, 3, 18)[:, None]
    with view_scope(VIEWS):
        layer(X, training=True, mask=mask)
    for domain, rows in (("source", OF_SOURCE), ("target", ~OF_SOURCE)):
        np.testing.assert_allclose(values(layer, domain)[2], X[rows][mask[rows]].mean(axis=0), atol=1e-4)


def test_one_step_of_a_transfer_model_equals_the_hand_derivation():
    """Cross entropy of the source and, for the target's scale and offset, the entropy, by central differences."""
    keras.utils.set_random_seed(0)
    entry = keras.Input((3,))
    norm = DomainBatchNormalization(name="norm")(entry)
    model = keras.Model(entry, keras.layers.Dense(3, trainable=False, name="logits")(norm))
    transfer = TransferModel(model, [Entropy(weight=0.5)])
    common.compile_model(transfer, 0.3)
    kernel, bias = model.get_layer("logits").get_weights()
    xs, xt, ys = RNG.normal(size=(6, 3)), RNG.normal(3, 2, size=(5, 3)), np.arange(6) % 3
    start = np.stack([np.ones(3), np.zeros(3)])

    def logits(x, affine):
        return softmax(normalised(x, *affine, x.mean(axis=0), x.var(axis=0)) @ kernel + bias)

    def supervised(affine):
        return -np.log(logits(xs, affine)[np.arange(6), ys]).mean()

    def entropy(affine):
        return -0.5 * (logits(xt, affine) * np.log(logits(xt, affine))).sum(axis=1).mean()

    transfer.train_on_batch({"source": xs, "target": xt}, ys)
    for domain, loss in (("source", supervised), ("target", entropy)):
        expected = start - 0.3 * slope(loss, start)
        np.testing.assert_allclose(values(model.get_layer("norm"), domain)[:2], expected, atol=1e-4)


@pytest.mark.parametrize("forward", ["joint", "per_view"])
def test_both_forwards_and_xla_are_one(forward, tmp_path):
    views = {"source": RNG.normal(size=(8, 4)).astype("float32"), "target": RNG.normal(3, 2, (5, 4)).astype("float32")}
    labels, results = {"source": np.arange(8) % 3}, []
    for arguments in ({"run_eagerly": True}, {"jit_compile": True}):
        keras.utils.set_random_seed(0)
        transfer = TransferModel(domain_norms(common.small_model(batch_norm=True)), [Entropy()], forward=forward)
        common.compile_model(transfer, **arguments)
        common.train(transfer, [(views, labels)] * 3)
        results.append(transfer.model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    transfer.save(tmp_path / "t.keras")
    restored = keras.models.load_model(tmp_path / "t.keras")
    np.testing.assert_array_equal(
        common.train(restored, [(views, labels)] * 2), common.train(transfer, [(views, labels)] * 2)
    )
    features = keras.Model(transfer.model.input, transfer.model.get_layer("features").output)
    norm = transfer.model.get_layer("norm")
    for domain in ("source", "target"):  # evaluation on views uses the averages of each
        expected = normalised(features.predict(views[domain], verbose=0), *values(norm, domain))
        kernel, bias = transfer.model.get_layer("logits").get_weights()
        received = transfer(views, training=False)[domain]["output"]
        np.testing.assert_allclose(keras.ops.convert_to_numpy(received), expected @ kernel + bias, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16"])
@pytest.mark.parametrize("shared", [False, True])
def test_half_precision(policy, shared):
    layer = DomainBatchNormalization(dtype=policy, shared_affine=shared)
    with view_scope(VIEWS):
        outputs = layer(X, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float16"
    assert layer.dtype == layer.source.dtype == "float32"


def test_solves_a_toy_where_pooled_statistics_mislead():
    xs, ys, xt, yt = shifted_clusters(shift=2.0)
    accuracies = []
    for prepare in (lambda model: model, domain_norms):
        keras.utils.set_random_seed(0)
        entry = keras.Input((2,))
        x = keras.layers.BatchNormalization(momentum=0.9)(entry)
        model = prepare(keras.Model(entry, keras.layers.Dense(3)(keras.layers.Dense(16, "relu")(x))))
        transfer = TransferModel(model, [Reads()])
        common.compile_model(transfer, jit_compile=True)
        transfer.fit({"source": xs, "target": xt}, {"source": ys}, epochs=10, verbose=0)
        accuracies.append((model.predict(xt, verbose=0).argmax(axis=1) == yt).mean())
    assert accuracies[0] < 0.85
    assert accuracies[1] >= accuracies[0] + 0.15
    plain = strip_domains(model)
    np.testing.assert_allclose(plain.predict(xt, verbose=0), model.predict(xt, verbose=0), atol=1e-6)

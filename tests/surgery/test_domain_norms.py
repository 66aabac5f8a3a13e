import keras
import numpy as np
import pytest

from tests.surgery.test_norms import Block, convolutional
from tlkeras.layers import DomainBatchNormalization, view_scope
from tlkeras.surgery import domain_norms, strip_domains, unfreeze
from tlkeras.testing import common

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 8, 8, 3)).astype("float32")


def shaken(**arguments):
    """A model of two domains with weights of all kinds."""
    model = domain_norms(convolutional(), **arguments)
    model.set_weights([RNG.uniform(0.5, 2, value.shape) for value in model.get_weights()])
    return model


def answers(model, domain):
    with view_scope({domain: len(X)}):
        return keras.ops.convert_to_numpy(model(X, training=False))


def test_both_domains_start_where_the_model_was(tmp_path):
    model = convolutional()
    model.get_layer("norm").trainable = False
    changed = domain_norms(model)
    expected = model.predict(X, verbose=0)
    np.testing.assert_allclose(changed.predict(X, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(answers(changed, "source"), expected, atol=1e-5)
    norms = [layer for layer in changed.layers if isinstance(layer, DomainBatchNormalization)]
    assert [(norm.name, norm.trainable, norm.source.trainable) for norm in norms] == [
        ("norm", False, False),
        ("bottleneck_norm", True, True),
    ]
    assert (norms[0].momentum, norms[0].epsilon, norms[0].source.epsilon) == (0.9, 0.01, 0.01)
    changed.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(restored.predict(X, verbose=0), changed.predict(X, verbose=0))
    np.testing.assert_array_equal(answers(restored, "source"), answers(changed, "source"))
    assert not restored.get_layer("norm").source.trainable


@pytest.mark.parametrize("shared", [False, True])
def test_stripped_of_a_domain_the_model_is_plain_and_gives_the_same(shared, tmp_path):
    model = shaken(shared_affine=shared)
    expected = {domain: answers(model, domain) for domain in ("source", "target")}
    assert np.abs(expected["source"] - expected["target"]).max() > 0.1
    for domain in ("source", "target"):
        plain = strip_domains(model, domain)
        assert {type(layer).__module__.split(".")[0] for layer in plain._flatten_layers()} == {"keras"}
        assert [layer.name for layer in plain.layers[1:]] == [layer.name for layer in model.layers[1:]]
        received = keras.ops.convert_to_numpy(plain(X, training=False))
        np.testing.assert_allclose(received, expected[domain], atol=1e-6, rtol=1e-6)
        plain.save(tmp_path / f"{domain}.keras")
        restored = keras.models.load_model(tmp_path / f"{domain}.keras", custom_objects={})
        np.testing.assert_array_equal(restored.predict(X, verbose=0), plain.predict(X, verbose=0))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="export needs TensorFlow")
def test_a_stripped_model_is_exported(tmp_path):
    from tlkeras.export import run_litert, to_litert

    model = shaken()
    plain = strip_domains(model)
    expected = answers(model, "target")
    scale = np.abs(expected).max()
    path = to_litert(plain, tmp_path / "m.tflite", value_range=None)
    np.testing.assert_allclose(run_litert(path, X), expected, atol=1e-4 * scale)
    plain.export(tmp_path / "saved_model", verbose=False)
    served = keras.layers.TFSMLayer(str(tmp_path / "saved_model"), call_endpoint="serve")
    np.testing.assert_allclose(served(X), expected, atol=1e-5 * scale)


def test_norms_of_models_inside_are_found_and_others_refused():
    entry = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="norm")], name="inner")
    model = keras.Model(entry, inner(entry))
    inner.set_weights([RNG.uniform(0.5, 2, value.shape) for value in inner.get_weights()])
    changed, x = domain_norms(model), RNG.normal(size=(5, 4)).astype("float32")
    assert isinstance(changed.get_layer("inner").get_layer("norm"), DomainBatchNormalization)
    np.testing.assert_allclose(changed.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    plain = strip_domains(changed, "source")
    np.testing.assert_allclose(plain.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    hidden = keras.Model(entry, Block(name="block")(keras.layers.BatchNormalization()(entry)))
    with pytest.raises(ValueError, match=r"cannot be replaced. Received: BatchNormalization inside \['block'\]"):
        domain_norms(hidden)


def test_unfreezing_reaches_both_domains():
    model = shaken()
    unfreeze(model, "all", freeze_bn="all")
    norm, head = (model.get_layer(name) for name in ("norm", "bottleneck_norm"))
    assert (norm.trainable, norm.source.trainable, head.source.trainable) == (False, False, True)
    unfreeze(model, "all", freeze_bn=False)
    assert norm.trainable and norm.source.trainable


def test_wrong_models_and_domains_are_refused():
    plain = common.small_model(batch_norm=True)
    with pytest.raises(ValueError, match="must have DomainBatchNormalization layers"):
        strip_domains(plain)
    with pytest.raises(ValueError, match='`domain` must be "source" or "target". Received: domain=\'source_2\''):
        strip_domains(domain_norms(plain), "source_2")
    with pytest.raises(ValueError, match="norm is of two domains"):
        domain_norms(domain_norms(plain))
    with pytest.raises(ValueError, match="must have BatchNormalization layers"):
        domain_norms(common.small_model())
    for surgery in (domain_norms, strip_domains):
        with pytest.raises(ValueError, match="`model` must be a functional"):
            surgery(keras.layers.BatchNormalization())

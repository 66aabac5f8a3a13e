import keras
import numpy as np
import pytest

from tlkeras.surgery import classifier, multi_label, regressor


def backbone(name=None):
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(8, name=name)(inputs))


def test_the_taps_are_layers_of_one_flat_graph():
    model = classifier(backbone(), 3, bottleneck=5, dropout=0.1)
    names = [layer.name for layer in model.layers]
    assert [n for n in names if n in ("features", "bottleneck", "logits")] == ["features", "bottleneck", "logits"]
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.output.shape == (None, 3) and model.get_layer("bottleneck").output.shape == (None, 5)


def test_a_backbone_that_names_its_features_keeps_them_and_shares_its_weights():
    base = backbone("features")
    model = classifier(base, np.int64(3))
    assert model.get_layer("features") is base.get_layer("features")


def test_bad_arguments_are_refused():
    inputs = keras.Input((4, 4, 3))
    with pytest.raises(ValueError, match="pool its output first. Received: output shape \\(None, 4, 4, 2\\)"):
        classifier(keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs)), 3)
    for bad in (0, "3", 2.0, True):
        with pytest.raises(ValueError, match=f"`num_classes` must be an integer >= 1. Received: num_classes={bad!r}"):
            classifier(backbone(), bad)
        with pytest.raises(ValueError, match=f"`bottleneck` must be an integer >= 1. Received: bottleneck={bad!r}"):
            classifier(backbone(), 3, bottleneck=bad)
    for bad in (1.0, 1, -0.1, "0.5", True):
        with pytest.raises(ValueError, match=rf"`dropout` must be a number in \[0, 1\). Received: dropout={bad!r}"):
            classifier(backbone(), 3, dropout=bad)
    with pytest.raises(ValueError, match="`backbone` must be a functional"):
        classifier(keras.layers.Dense(3), 3)


def test_an_inner_layer_named_features_is_refused():
    inputs = keras.Input((4,))
    inner = keras.layers.Dense(8, name="features")(inputs)
    with pytest.raises(ValueError, match="inner layer named `features`"):
        classifier(keras.Model(inputs, keras.layers.Dense(5)(inner)), 3)


def test_both_layers_start_from_the_initializer_given():
    keras.utils.set_random_seed(0)
    small = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    inputs = keras.Input((100,))
    model = classifier(keras.Model(inputs, inputs), 50, bottleneck=400, kernel_initializer=small)
    for name, limit in (("bottleneck_dense", 0.1), ("logits", 0.05)):
        kernel = np.abs(np.array(model.get_layer(name).kernel))
        assert 0.98 * limit < kernel.max() <= limit


def test_a_multi_label_head_is_a_classifier_of_another_name():
    model = multi_label(backbone(), 5, bottleneck=6, dropout=0.1)
    assert model.output.shape == (None, 5) and model.layers[-1].name == "label_logits"
    assert model.get_layer("bottleneck").output.shape == (None, 6)
    with pytest.raises(ValueError, match="`num_labels` must be an integer >= 1. Received: num_labels=0"):
        multi_label(backbone(), 0)


def test_a_regressor_gives_the_units_of_its_targets(tmp_path):
    targets = np.array([[100.0, 0.001], [300.0, 0.003], [200.0, 0.005]])
    model = regressor(backbone(), 2, bottleneck=5, targets=targets)
    inner = keras.Model(model.input, model.get_layer("standardized").output)
    x = np.random.default_rng(0).normal(size=(7, 4))
    expected = inner.predict(x, verbose=0) * targets.std(axis=0) + targets.mean(axis=0)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)
    assert not model.get_layer("values").weights
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(
        keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), expected, rtol=1e-5
    )


def test_values_are_float32_under_half_precision():
    """65504 is the largest number in float16, and prices exceed it."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = regressor(backbone(), targets=np.array([1e5, 3e5]))
        found = model.predict(np.zeros((2, 4)), verbose=0)
        assert regressor(backbone()).output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy(previous)
    assert found.dtype == "float32" and found.ravel().tolist() == [2e5, 2e5]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([3.0, 3.0, 3.0], "`targets` must differ between rows.*Received: 3.0 in all 3 rows"),
        ([1.0, np.nan], "`targets` must be finite.*in 1 of 2 rows, the first row 1"),
        (["low", "high"], "`targets` must be numbers.*such as 'low'"),
        ([[1.0, 2.0], [3.0, 4.0]], r"each of the 1 outputs, \(rows, 1\). Received: shape=\(2, 2\)"),
        ([], "Received: shape=\\(0,\\)"),
    ],
)
def test_bad_targets_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        regressor(backbone(), targets=targets)

import keras
import numpy as np
import pytest

from tlkeras.surgery import classifier


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

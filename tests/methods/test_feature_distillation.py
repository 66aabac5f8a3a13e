import keras
import numpy as np
import pytest

from tlkeras.methods import FeatureDistillation
from tlkeras.testing import common
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype("float32"), RNG.integers(0, 3, 16)


def teacher_of(width=5):
    keras.utils.set_random_seed(7)
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(width, name="features")(inputs))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))


def linear():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = keras.layers.Dense(2, use_bias=False, name="features")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))


def test_one_step_equals_the_hand_derivation():
    model, teacher = linear(), teacher_of()
    transfer = TransferModel(model, [FeatureDistillation(teacher, teacher_tap="norm")])
    common.compile_model(transfer, learning_rate=0.5)
    hint = keras.Model(teacher.input, teacher.get_layer("norm").output).predict(X, verbose=0)
    kernel = model.get_layer("features").get_weights()[0]
    r, b = transfer.methods[0].regressor.get_weights()
    error = X @ kernel @ r + b - hint
    scaled = error / error.size
    logs = transfer.train_on_batch(X, Y, sample_weight=np.zeros(16), return_dict=True)
    np.testing.assert_allclose(logs["featuredistillation"], 0.5 * (error**2).mean(), rtol=1e-5)
    new_r, new_b = transfer.methods[0].regressor.get_weights()
    np.testing.assert_allclose(new_r, r - 0.5 * (X @ kernel).T @ scaled, atol=1e-6)
    np.testing.assert_allclose(new_b, b - 0.5 * scaled.sum(axis=0), atol=1e-6)
    received = model.get_layer("features").get_weights()[0]
    np.testing.assert_allclose(received, kernel - 0.5 * X.T @ scaled @ r.T, atol=1e-6)


def test_neither_training_nor_evaluation_moves_the_teacher():
    teacher = teacher_of()
    transfer = TransferModel(common.small_model(), [FeatureDistillation(teacher)])
    common.compile_model(transfer)
    before = teacher.get_weights()
    common.train(transfer, [(X, Y)] * 2)
    transfer.test_on_batch({"source": X}, {"source": Y})
    for now, then in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_without_projection_the_model_copies_the_teacher():
    teacher = teacher_of(2)
    transfer = TransferModel(linear(), [FeatureDistillation(teacher, teacher_tap="features", projection=False)])
    assert not transfer.methods[0].trainable_weights
    common.compile_model(transfer, learning_rate=1.0)
    transfer.fit(X, Y, sample_weight=np.zeros(16), epochs=200, verbose=0)
    np.testing.assert_allclose(
        transfer.model.get_layer("features").get_weights()[0], teacher.get_layer("features").get_weights()[0], atol=1e-3
    )


def test_maps_are_followed_position_by_position():
    def convolutional(filters):
        inputs = keras.Input((5, 5, 1))
        maps = keras.layers.Conv2D(filters, 3, name="maps")(inputs)
        return keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.GlobalMaxPooling2D()(maps)))

    method = FeatureDistillation(convolutional(4), teacher_tap="maps", tap="maps")
    transfer = TransferModel(convolutional(2), [method])
    assert method.regressor.kernel.shape == (2, 4)
    common.compile_model(transfer)
    images = RNG.normal(size=(3, 5, 5, 1)).astype("float32")
    assert np.isfinite(common.train(transfer, [(images, Y[:3])])).all()


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="`teacher` must be a built functional"):
        FeatureDistillation(keras.Sequential([keras.layers.Dense(3)]))
    with pytest.raises(ValueError, match="one of \\[.*'features'.*Received: teacher_tap='maps'"):
        FeatureDistillation(teacher_of(), teacher_tap="maps")
    with pytest.raises(ValueError, match="set `projection=True`. Received: \\(8,\\) and \\(5,\\)"):
        TransferModel(
            common.small_model(), [FeatureDistillation(teacher_of(), teacher_tap="features", projection=False)]
        )
    model = common.small_model()
    with pytest.raises(ValueError, match="`teacher` is frozen"):
        TransferModel(model, [FeatureDistillation(model)])

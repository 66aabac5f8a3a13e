import keras
import numpy as np
import pytest

from tests.methods.hand import one_step, softmax
from tlkeras import ops
from tlkeras.methods import VAT
from tlkeras.testing import common, toy_accuracy, turned_clusters
from tlkeras.transfer import TransferModel

RNG = np.random.default_rng(0)
XS, XT = RNG.normal(size=(6, 4)), RNG.normal(size=(5, 4))


def test_one_step_equals_the_hand_derivation():
    """`dKL / dlogits = q - p`: it gives the adversarial step from the random one, and the update at that step."""
    radius, seed = 2.0, 3
    term, (encoder, head), (new_encoder, new_head) = one_step(VAT(radius, seed=seed), XS, XT, rate=0.5)
    rows = keras.ops.convert_to_tensor(XT.astype("float32"))
    start = 0.1 * radius * keras.ops.convert_to_numpy(ops.random_rows(rows, keras.random.SeedGenerator(seed)))
    p, near = softmax(XT @ encoder @ head), softmax((XT + start) @ encoder @ head)
    slope = (near - p) @ head.T @ encoder.T
    moved = XT + radius * slope / np.linalg.norm(slope, axis=1, keepdims=True)
    q = softmax(moved @ encoder @ head)
    np.testing.assert_allclose(term, (p * np.log(p / q)).sum(axis=1).mean(), rtol=1e-3)
    error = (q - p) / 5
    np.testing.assert_allclose(new_head, head - 0.5 * (moved @ encoder).T @ error, atol=1e-4)
    np.testing.assert_allclose(new_encoder, encoder - 0.5 * moved.T @ error @ head.T, atol=1e-4)


def test_the_step_is_worse_than_random_ones_of_its_length():
    keras.utils.set_random_seed(0)
    method = VAT(1.0, seed=0)
    transfer = TransferModel(common.small_model(), [method])
    common.compile_model(transfer, learning_rate=0.0)
    x = RNG.normal(size=(64, 4)).astype("float32")
    logs = transfer.train_on_batch({"source": x, "target": x}, {"source": np.zeros(64, int)}, return_dict=True)
    p = softmax(transfer.predict(x, verbose=0))
    for seed in range(5):
        noise = keras.ops.convert_to_numpy(ops.random_rows(keras.ops.convert_to_tensor(x), seed))
        q = softmax(transfer.predict(x + noise, verbose=0))
        assert logs["vat"] > 1.5 * (p * np.log(p / q)).sum(axis=1).mean()


def test_dropout_and_moving_statistics_are_left_alone():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization(name="norm")(inputs)
    logits = keras.layers.Dense(3, name="logits")(keras.layers.Dropout(0.5, seed=0)(x))
    transfer = TransferModel(keras.Model(inputs, logits), [VAT(1.0, weight=0.0)])
    common.compile_model(transfer)
    views = {"source": XS.astype("float32"), "target": XT.astype("float32")}
    transfer.train_on_batch(views, {"source": np.zeros(6, int)})
    pooled = np.concatenate([XS, XT]).mean(axis=0)
    np.testing.assert_allclose(np.array(transfer.model.get_layer("norm").moving_mean), 0.01 * pooled, rtol=1e-4)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_one_row_and_rows_beyond_doubt_stay_finite(scale):
    term, _, after = one_step(VAT(1.0), XS, scale * XT[:1])
    assert np.isfinite(term) and all(np.isfinite(value).all() for value in after)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_images_in_bytes(jit_compile):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    features = keras.layers.GlobalAveragePooling2D(name="features")(x)
    transfer = TransferModel(keras.Model(inputs, keras.layers.Dense(3, name="logits")(features)), [VAT(500.0)])
    common.compile_model(transfer, jit_compile=jit_compile)
    images = RNG.integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    logs = transfer.train_on_batch({"source": images, "target": images}, {"source": np.zeros(4, int)}, return_dict=True)
    assert np.isfinite(logs["loss"]) and logs["vat"] > 0


@pytest.mark.exhaustive
def test_solves_a_toy_that_source_only_does_not():
    domains = turned_clusters(angle=80.0)
    source_only = toy_accuracy(domains, [])
    assert source_only < 0.88
    assert toy_accuracy(domains, [VAT(0.5, seed=0)]) >= source_only + 0.1


def test_models_whose_input_cannot_be_changed_are_refused():
    words = keras.Input((4,), dtype="int32", name="words")
    encoded = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 3)(words))
    with pytest.raises(ValueError, match="there must be one, of floats. Received: inputs \\[\\('words', 'int32'\\)\\]"):
        TransferModel(keras.Model(words, keras.layers.Dense(3, name="logits")(encoded)), [VAT(1.0)])
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    logits = keras.layers.Dense(3, name="logits")(keras.layers.Add()([first, second]))
    with pytest.raises(ValueError, match="there must be one, of floats.*first.*second"):
        TransferModel(keras.Model([first, second], logits), [VAT(1.0)])


@pytest.mark.parametrize("radius", [0, -1.0])
def test_a_wrong_radius_is_refused(radius):
    with pytest.raises(ValueError, match="`radius` must be > 0. Received: radius="):
        VAT(radius)


@pytest.mark.parametrize(("shape", "classes", "rule"), [((6, 4), 3, "rank 2"), ((4,), 1, "at least 2 classes")])
def test_logits_of_another_shape_are_refused(shape, classes, rule):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(inputs))
    with pytest.raises(ValueError, match=f"`logits` must have {rule}.*Received"):
        TransferModel(model, [VAT(1.0)])

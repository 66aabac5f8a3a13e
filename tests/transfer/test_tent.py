import pathlib

import keras
import numpy as np
import pytest

from tests.methods.hand import slope, softmax
from tlkeras.testing import common, shifted_clusters
from tlkeras.transfer import Tent

RNG = np.random.default_rng(0)


def normalised(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3)


def mean_entropy(logits):
    p = softmax(logits)
    return -(p * np.log(p)).sum(axis=1).mean()


def with_norm():
    keras.utils.set_random_seed(0)
    entry = keras.Input((3,), name="entry")
    norm = keras.layers.BatchNormalization(name="norm")(entry)
    model = keras.Model(entry, keras.layers.Dense(4, name="logits")(norm))
    model.set_weights([RNG.uniform(0.5, 2, value.shape) for value in model.get_weights()])
    return model


def batches(count, rows=6):
    return [RNG.normal(step, 2, (rows, 3)).astype("float32") for step in range(count)]


def test_two_batches_equal_the_hand_derivation():
    """The statistics of each batch, a step of SGD on scale and offset by central differences, the answer after it."""
    model, rate = with_norm(), 0.5
    gamma, beta, _, _, kernel, bias = (value.astype("float64") for value in model.get_weights())
    stream = Tent(model, keras.optimizers.SGD(rate))
    affine = np.stack([gamma, beta])
    for x in batches(2):
        hat = normalised(x.astype("float64"))

        def logits(w, hat=hat):
            return (hat * w[0] + w[1]) @ kernel + bias

        entropy = mean_entropy(logits(affine))
        affine = affine - rate * slope(lambda w, logits=logits: mean_entropy(logits(w)), affine)
        received = stream.predict_on_batch(x)
        assert stream.logs["entropy"] == pytest.approx(entropy, rel=1e-4)
        np.testing.assert_allclose(stream.model.get_layer("norm").get_weights()[:2], affine, atol=1e-4)
        np.testing.assert_allclose(received, logits(affine), atol=1e-3)


def test_a_prior_answers_between_the_statistics_of_source_and_batch():
    """Three rows of the source beside six of the batch; a step of rate 0, so that scale and offset stay."""
    model = with_norm()
    gamma, beta, mean, variance, kernel, bias = model.get_weights()
    stream = Tent(model, keras.optimizers.SGD(0.0), prior=3)
    for x in batches(2):
        middle = (mean + 2 * x.mean(axis=0)) / 3, (variance + 2 * x.var(axis=0)) / 3
        expected = ((x - middle[0]) / np.sqrt(middle[1] + 1e-3) * gamma + beta) @ kernel + bias
        np.testing.assert_allclose(stream.predict_on_batch(x), expected, atol=1e-4)
    with pytest.raises(ValueError, match="`prior` must be >= 0. Received: prior=-1"):
        Tent(model, prior=-1)


def test_only_scale_and_offset_move_and_the_given_model_not_at_all():
    model = common.small_model(batch_norm=True)
    model.get_layer("norm").trainable = False  # as in a frozen backbone
    before = model.get_weights()
    stream = Tent(model)
    for _ in range(3):
        stream.predict_on_batch(RNG.normal(size=(8, 4)))
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    start, end = common.values(model.weights), common.values(stream.model.weights)
    assert common.changed(start, end) == {
        f"norm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")
    }


def test_reset_starts_over():
    stream = Tent(with_norm(), "adam")
    data = batches(3)
    first = [stream.predict_on_batch(x) for x in data]
    stream.reset()
    assert stream.logs == {}
    for x, then in zip(data, first, strict=True):
        np.testing.assert_allclose(stream.predict_on_batch(x), then, atol=1e-6)


def test_one_row_is_answered_without_adapting():
    model = with_norm()
    stream = Tent(model)
    one, several = batches(1, rows=1)[0], batches(1)[0]
    np.testing.assert_allclose(stream.predict_on_batch(one), model.predict(one, verbose=0), atol=1e-5)
    assert stream.logs == {}
    stream.predict_on_batch(several)
    weights = stream.model.get_weights()
    assert np.isfinite(stream.predict_on_batch(one)).all()
    for now, then in zip(stream.model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)


def test_batches_of_several_sizes_and_equal_rows_stay_finite():
    stream = Tent(with_norm())
    for rows in (6, 2, 5):
        assert np.isfinite(stream.predict_on_batch(np.ones((rows, 3)))).all()
    assert stream.logs["largest_class"] == 1.0, "a collapse is in the logs"


def test_solves_a_toy_of_a_stream_of_moved_clusters():
    xs, ys, xt, yt = shifted_clusters()
    keras.utils.set_random_seed(0)
    entry = keras.Input((2,))
    x = keras.layers.BatchNormalization()(entry)
    model = keras.Model(entry, keras.layers.Dense(3)(keras.layers.Dense(16, "relu")(x)))
    common.compile_model(model, 0.1, jit_compile=True)
    model.fit(xs, ys, epochs=10, verbose=0)
    source_only = (model.predict(xt, verbose=0).argmax(axis=1) == yt).mean()
    stream = Tent(model)
    answers = [stream.predict_on_batch(rows) for rows in np.split(xt, range(32, len(xt), 32))]
    accuracy = (np.concatenate(answers).argmax(axis=1) == yt).mean()
    assert source_only < 0.9
    assert accuracy >= source_only + 0.2


def test_the_adapted_copy_is_saved_as_any_model(tmp_path):
    stream = Tent(with_norm())
    stream.predict_on_batch(batches(1)[0])
    stream.model.save(tmp_path / "m.keras")
    x = batches(1)[0]
    restored = keras.models.load_model(tmp_path / "m.keras", compile=False)
    np.testing.assert_array_equal(restored.predict(x, verbose=0), stream.model.predict(x, verbose=0))


def test_models_that_cannot_be_adapted_are_refused():
    entry = keras.Input((4,))
    with pytest.raises(ValueError, match="BatchNormalization layer with a scale or an offset. Received"):
        Tent(common.small_model())
    bare = keras.layers.BatchNormalization(scale=False, center=False)(entry)
    with pytest.raises(ValueError, match="with a scale or an offset"):
        Tent(keras.Model(entry, bare))
    norm = keras.layers.BatchNormalization()(entry)
    with pytest.raises(ValueError, match="must end in logits.*Received: activation 'softmax'"):
        Tent(keras.Model(entry, keras.layers.Dense(3, "softmax")(norm)))
    with pytest.raises(ValueError, match="`model.output` must have at least 2 classes"):
        Tent(keras.Model(entry, keras.layers.Dense(1)(norm)))
    with pytest.raises(ValueError, match="`model` must be a functional"):
        Tent(keras.layers.BatchNormalization())


@pytest.mark.parametrize("inputs", [np.ones((0, 3)), np.full((4, 3), np.nan)])
def test_batches_that_would_spoil_the_stream_are_refused(inputs):
    stream = Tent(with_norm())
    with pytest.raises(ValueError, match="`inputs` must have rows, and be finite. Received"):
        stream.predict_on_batch(inputs)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a SavedModel runs under TensorFlow")
def test_a_hub_layer_stays_as_it_is_and_says_so():
    from tlkeras.backbones import from_hub
    from tlkeras.surgery import classifier

    glyphs = pathlib.Path(__file__).parents[2] / "saved_models" / "glyphs"
    model = classifier(from_hub(glyphs, trainable=True), 3, bottleneck=4)
    with pytest.warns(UserWarning, match="cannot be reached and stays frozen"):
        stream = Tent(model)
    stream.predict_on_batch(RNG.integers(0, 256, (6, 8, 8, 1)))
    start, end = common.values(model.weights), common.values(stream.model.weights)
    assert {path.split("/")[0] for path in common.changed(start, end)} == {"bottleneck_norm"}

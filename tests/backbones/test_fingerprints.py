import hashlib

import keras
import numpy as np
import pytest

from tests.cache.models import frozen_model
from tlkeras.backbones.fingerprints import digest_layer, digest_rows

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="hub SavedModels need TensorFlow")


def test_rows_are_known_by_type_shape_and_values():
    rows = np.arange(6, dtype="float32").reshape(2, 3)
    by_hand = hashlib.sha256(b"<f4 (2, 3)" + rows.tobytes()).digest()
    assert digest_rows(rows) == digest_rows(rows.T.copy().T) == by_hand
    others = [rows.astype("float64"), rows.reshape(3, 2), rows + 1, rows[::-1]]
    assert len({digest_rows(other) for other in [rows, *others]}) == 5


def test_texts_are_known_by_their_characters_and_not_by_their_addresses():
    first, second = (np.array([b"wei\xc3\x9f", "".join(["bl", "au"])], object) for _ in range(2))
    assert digest_rows(first) == digest_rows(second) == digest_rows(np.array(["weiß", "blau"], object))
    assert digest_rows(np.array(["ab", "c"], object)) != digest_rows(np.array(["a", "bc"], object))


def test_the_same_model_built_twice_is_the_same_whatever_keras_calls_it():
    first, second = frozen_model(), frozen_model()
    assert first.layers[1].name != second.layers[1].name
    assert digest_layer(first) == digest_layer(second)
    second.trainable = False
    assert digest_layer(first) == digest_layer(second)


def test_every_weight_and_argument_counts():
    digests = {digest_layer(frozen_model(seed)) for seed in range(2)} | {digest_layer(frozen_model(activation="tanh"))}
    for index in range(len(frozen_model().weights)):
        model = frozen_model()
        model.weights[index].assign(model.weights[index] + 1e-6)
        digests.add(digest_layer(model))
    assert len(digests) == 3 + len(model.weights)


def test_a_layer_called_like_its_activation_is_not_its_activation():
    def named(name):
        inputs = keras.Input((2,))
        return keras.Model(inputs, keras.layers.Activation(name, name=name)(inputs))

    assert digest_layer(named("relu")) != digest_layer(named("tanh"))


def test_connections_count():
    def joined(swap):
        inputs = keras.Input((2,))
        first, second = keras.layers.ReLU()(inputs), keras.layers.ReLU()(inputs)
        pair = [second, first] if swap else [first, first]
        return keras.Model(inputs, keras.layers.Subtract()(pair))

    assert digest_layer(joined(True)) != digest_layer(joined(False))


def test_operations_count_and_their_names_do_not():
    def turned(swap):
        inputs = keras.Input((2,))
        other = -inputs
        return keras.Model(inputs, keras.ops.concatenate([other, inputs] if swap else [inputs, other]))

    names = [{operation.name for operation in turned(False).operations} for _ in range(2)]
    assert names[0] != names[1]
    assert digest_layer(turned(False)) == digest_layer(turned(False)) != digest_layer(turned(True))


def test_it_is_the_fingerprint_of_a_backbone():
    from tlkeras.backbones import Backbone

    def joined(swap):
        inputs = keras.Input((2,))
        first, second = keras.layers.ReLU()(inputs), keras.layers.Softmax()(inputs)
        return Backbone(inputs, keras.layers.Subtract()([second, first] if swap else [first, second]))

    assert joined(False).fingerprint == joined(False).fingerprint == digest_layer(joined(False))
    assert joined(False).fingerprint != joined(True).fingerprint


@tensorflow_only
def test_a_hub_layer_counts_as_it_is_now_and_not_as_it_was_loaded():
    import tlkeras

    first, second = (tlkeras.backbones.from_hub("saved_models/glyphs", trainable=flag) for flag in (True, False))
    assert digest_layer(first) == digest_layer(second)
    first.get_layer("hub").unfreeze(2, freeze_bn="all")
    assert digest_layer(first) == digest_layer(second)
    second.weights[0].assign(second.weights[0] * 1.01)
    assert digest_layer(first) != digest_layer(second)


@tensorflow_only
def test_an_adapted_vocabulary_counts():
    def reading(text):
        layer = keras.layers.TextVectorization(output_sequence_length=2)
        layer.adapt([text])
        inputs = keras.Input((), dtype="string")
        return keras.Model(inputs, keras.layers.CategoryEncoding(8)(layer(inputs)))

    assert digest_layer(reading("two words")) == digest_layer(reading("two words"))
    assert digest_layer(reading("two words")) != digest_layer(reading("other words"))

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones.text_models import IDS, SENTENCES, VOCABULARY, save_bert
from tlkeras import surgery
from tlkeras.backbones import blocks, from_handle, from_preset
from tlkeras.backbones.graph import output_of

keras_hub = pytest.importorskip("keras_hub", reason='needs the extra "text"')
TEXTS = tf.constant(SENTENCES)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("bert") / "preset")


def by_the_preset_itself(directory, ids):
    model = keras_hub.models.Backbone.from_preset(str(directory))
    ids = np.array(ids, "int32")
    real = (ids != 0).astype("int32")
    inputs = {"token_ids": ids, "padding_mask": real, "segment_ids": 0 * ids}
    sequence = model.predict(inputs, verbose=0)["sequence_output"]
    return np.stack([row[mask == 1].mean(0) for row, mask in zip(sequence, real, strict=True)])


def test_strings_become_the_mean_over_the_real_tokens(bert, tmp_path):
    backbone = from_preset(bert, input_shape=(8,))
    expected = by_the_preset_itself(bert, IDS)
    np.testing.assert_allclose(backbone.predict(TEXTS, verbose=0), expected, atol=1e-5)
    ids = keras.Model(backbone.input, backbone.get_layer("token_ids").output)
    np.testing.assert_array_equal(ids.predict(TEXTS, verbose=0), IDS)
    assert backbone.trainable_variables == [] and backbone.width == 16 and backbone.input_size is None
    assert backbone.input_shape == (None,)
    backbone.save(tmp_path / "bert.keras")
    again = keras.models.load_model(tmp_path / "bert.keras")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), backbone.predict(TEXTS, verbose=0))
    assert again.fingerprint == backbone.fingerprint


def test_a_file_carries_the_vocabulary_into_a_process_that_imported_only_tlkeras(bert, tmp_path):
    backbone = from_preset(bert, input_shape=(8,))
    backbone.save(tmp_path / "bert.keras")
    code = (
        "import sys, keras, tlkeras, numpy as np, tensorflow as tf; assert 'keras_hub' not in sys.modules;"
        f"model = keras.models.load_model({str(tmp_path / 'bert.keras')!r});"
        f"np.save({str(tmp_path / 'out.npy')!r}, model.predict(tf.constant({SENTENCES}), verbose=0))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), backbone.predict(TEXTS, verbose=0), atol=1e-6)


def test_depth_counts_transformer_layers_and_training_moves_the_top_one(bert):
    model = surgery.classifier(from_handle(f"preset:{bert}"), 2)
    assert [block.name for block in blocks(model)] == ["token_embedding", "transformer_layer_0", "transformer_layer_1"]
    surgery.unfreeze(model, 1)
    frozen = model.get_layer("transformer_layer_0").get_weights()
    before = model.get_layer("transformer_layer_1").get_weights()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(TEXTS, np.array([0, 1, 0]), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert all(map(np.array_equal, frozen, model.get_layer("transformer_layer_0").get_weights()))
    after = model.get_layer("transformer_layer_1").get_weights()
    moved = [not np.array_equal(*two) for two in zip(before, after, strict=True)]
    assert sum(moved) > len(moved) / 2


def test_the_number_of_tokens_is_the_encoders_or_the_callers(bert):
    assert from_preset(bert).get_layer("token_ids").output.shape == (None, 12)  # its positions, less than 512
    assert from_preset(bert, input_shape=(5,)).get_layer("token_ids").output.shape == (None, 5)
    for wrong in ((2,), (13,), (8, 8)):
        with pytest.raises(ValueError, match=r"`input_shape` must be \(tokens,\).*3 <= tokens <= 12.*Received: input"):
            from_preset(bert, input_shape=wrong)


def test_an_encoder_without_segments_or_a_mask_and_another_padding_id(tmp_path):
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "a", "b", "Ġa", "<mask>", "Ġ"]
    roberta = keras_hub.models.RobertaBackbone(len(pieces), 2, 2, 16, 32, max_sequence_length=12)
    roberta.save_to_preset(str(tmp_path / "roberta"))
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    keras_hub.models.RobertaTokenizer(vocabulary, merges=["Ġ a"]).save_to_preset(str(tmp_path / "roberta"))
    backbone = from_preset(tmp_path / "roberta", input_shape=(6,))
    ids = np.array([[0, 4, 6, 2, 1, 1]])
    real = (ids != 1).astype("int32")
    sequence = roberta.predict({"token_ids": ids, "padding_mask": real}, verbose=0)
    np.testing.assert_allclose(backbone.predict(tf.constant(["a a"]), verbose=0), sequence[:, :4].mean(1), atol=1e-5)
    fnet = keras_hub.models.FNetBackbone(len(VOCABULARY), 1, 16, 32, max_sequence_length=12)
    fnet.save_to_preset(str(tmp_path / "fnet"))
    with pytest.raises(ValueError, match="(?s)`preset` must hold a tokenizer of text.*Received: preset="):
        from_preset(tmp_path / "fnet")


def test_it_is_cut_at_the_ids_and_tags_tokens(bert):
    backbone = from_preset(bert, input_shape=(8,))
    model = surgery.classifier(backbone, 2)
    below, above = surgery.split(model, "token_ids")
    ids = below.predict(TEXTS, verbose=0)
    np.testing.assert_array_equal(ids, IDS)
    np.testing.assert_allclose(above.predict(ids, verbose=0), model.predict(TEXTS, verbose=0), atol=1e-6)
    encoder = keras.Model(backbone.input, output_of(backbone, "transformer_layer_1"))
    tagger = surgery.token_classifier(encoder, 3, ids="padding_mask")
    np.testing.assert_array_equal((tagger.predict(TEXTS, verbose=0) != 0).any(-1), np.array(IDS) != 0)

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.backbones.text_models import IDS, LENGTH, SENTENCES, save_pair
from tests.layers.hub_models import save_module
from tlkeras import surgery
from tlkeras.backbones import blocks, from_handle, from_hub
from tlkeras.layers.hub_layer import HubLayer

pytest.importorskip("tensorflow_text", reason='needs the extra "text"')
TEXTS = tf.constant(SENTENCES)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return save_pair(tmp_path_factory.mktemp("pair"))


def by_hand(encoder):
    """Mean over the real tokens of tanh(table[id] @ kernel), in NumPy, plus 1 for `default`."""
    table, kernel = (variable.numpy() for variable in tf.saved_model.load(str(encoder)).variables)
    return np.stack([np.tanh(table[[i for i in row if i]] @ kernel).mean(0) + 1 for row in IDS])


def test_strings_become_what_the_encoder_makes_of_the_preprocessors_ids(pair):
    encoder, preprocessor = pair
    backbone = from_hub(encoder, preprocessor=preprocessor)
    assert [layer.name for layer in backbone.layers] == ["text", "preprocessor", "hub", "features"]
    np.testing.assert_allclose(backbone.predict(TEXTS, verbose=0), by_hand(encoder), atol=1e-6)
    np.testing.assert_array_equal(HubLayer(preprocessor)(TEXTS)["input_word_ids"], IDS)
    named = from_handle(f"{encoder}?preprocessor={preprocessor}")
    np.testing.assert_array_equal(named.predict(TEXTS, verbose=0), backbone.predict(TEXTS, verbose=0))
    assert backbone.trainable_variables == [] and backbone.width == 4 and backbone.value_range is None
    assert [block.name for block in blocks(backbone)] == ["word_embeddings", "transformer/layer_0"]


def test_the_encoder_alone_takes_the_ids(pair):
    backbone = from_hub(pair[0])
    ids = np.array(IDS, "int32")
    rows = {"input_word_ids": ids, "input_mask": (ids > 0).astype("int32"), "input_type_ids": 0 * ids}
    np.testing.assert_allclose(backbone.predict(rows, verbose=0), by_hand(pair[0]), atol=1e-6)


def test_without_default_the_pooled_output_is_taken_and_a_tokenizer_without_a_table_works(tmp_path):
    encoder, preprocessor = save_pair(tmp_path, fast=True, default=False)
    backbone = from_hub(encoder, preprocessor=preprocessor)
    np.testing.assert_allclose(backbone.predict(TEXTS, verbose=0), by_hand(encoder) - 1, atol=1e-6)


def test_training_moves_the_encoder_and_not_the_preprocessor(pair):
    backbone = from_hub(pair[0], trainable=True, preprocessor=pair[1])
    model = surgery.classifier(backbone, 2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [variable.numpy() for variable in model.trainable_variables]
    losses = model.fit(TEXTS, np.array([0, 1, 0]), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and len(before) == 4
    assert all((a != b.numpy()).any() for a, b in zip(before, model.trainable_variables, strict=True))
    surgery.unfreeze(model, 1)
    paths = [variable.path for variable in model.trainable_variables]
    assert paths == ["1_transformer_layer_0_kernel", "logits/kernel", "logits/bias"]


def test_a_file_loads_in_a_process_that_imported_nothing_but_tlkeras_or_names_the_extra(pair, tmp_path):
    from_hub(pair[0], preprocessor=pair[1]).save(tmp_path / "text.keras")
    code = (
        "import sys, keras, tlkeras, tensorflow as tf, numpy as np\n"
        f"path, texts = {str(tmp_path / 'text.keras')!r}, {SENTENCES}\n"
        "sys.modules['tensorflow_text'] = None\n"
        "try: keras.models.load_model(path)\n"
        "except ImportError as error: assert 'tlkeras[text]' in str(error)\n"
        "else: raise SystemExit('no error')\n"
        "del sys.modules['tensorflow_text']\n"
        "model = keras.models.load_model(path)\n"
        f"np.save({str(tmp_path / 'out.npy')!r}, model.predict(tf.constant(texts), verbose=0))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), by_hand(pair[0]), atol=1e-6)


def test_a_preprocessor_that_does_not_fit_is_named(pair, tmp_path):
    other = save_module(tmp_path / "other")
    with pytest.raises(ValueError, match=r"`preprocessor` must make exactly.*which makes Ke.*takes \['input_mask'"):
        from_hub(pair[0], preprocessor=other)
    with pytest.raises(ValueError, match=r"`preprocessor` must make exactly.*makes \['input_mask', .*which takes Tens"):
        from_hub(other, preprocessor=pair[1])
    with pytest.raises(ValueError, match="`input_shape` is for a SavedModel that takes one batch of float images"):
        from_hub(pair[0], preprocessor=pair[1], input_shape=(LENGTH,))

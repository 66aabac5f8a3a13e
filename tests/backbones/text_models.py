"""Small text models for the tests, written as hub publishers and KerasHub do."""

import pathlib

import tensorflow as tf

VOCABULARY = "[PAD] [UNK] [CLS] [SEP] [MASK] the a good bad film was ##ly ##s very".split()
LENGTH = 8
SENTENCES = ["The goodly films", "A bad, BAD film was very bad indeed", ""]
# Of `SENTENCES`, by hand: [CLS] is 2, [SEP] 3; the comma and "indeed" are not in the vocabulary.
IDS = [[2, 5, 7, 11, 9, 12, 3, 0], [2, 6, 8, 1, 8, 9, 10, 3], [2, 3, 0, 0, 0, 0, 0, 0]]
KEYS = ("input_mask", "input_type_ids", "input_word_ids")


class Preprocessor(tf.Module):
    """Strings to ids, mask and types, by the tokenizer of TensorFlow Text with or without a table in an asset."""

    def __init__(self, folder, fast):
        import tensorflow_text as text

        if fast:
            options = {"token_out_type": tf.int32, "lower_case_nfd_strip_accents": True}
            self.tokenizer = text.FastBertTokenizer(VOCABULARY, **options)
            return
        path = pathlib.Path(folder, "vocabulary.txt")
        path.write_text("\n".join(VOCABULARY) + "\n")
        self.asset = tf.saved_model.Asset(str(path))
        line = tf.lookup.TextFileIndex
        lines = tf.lookup.TextFileInitializer(self.asset, tf.string, line.WHOLE_LINE, tf.int64, line.LINE_NUMBER)
        self.table = tf.lookup.StaticVocabularyTable(lines, 1)
        self.tokenizer = text.BertTokenizer(self.table, lower_case=True, token_out_type=tf.int32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, inputs):
        tokens = self.tokenizer.tokenize(inputs)
        tokens = (tokens.merge_dims(-2, -1) if tokens.ragged_rank > 1 else tokens)[:, : LENGTH - 2]
        ends = [tf.fill([tokens.nrows(), 1], VOCABULARY.index(name)) for name in ("[CLS]", "[SEP]")]
        ids = tf.concat([ends[0], tokens, ends[1]], 1).to_tensor(0, shape=[None, LENGTH])
        return {
            "input_word_ids": ids,
            "input_mask": tf.cast(ids > 0, tf.int32),
            "input_type_ids": tf.zeros_like(ids),
        }


class Encoder(tf.__internal__.tracking.AutoTrackable):
    """The dict of a preprocessor to `pooled_output` and `sequence_output`; `default` is the first, if asked for."""

    def __init__(self, default):
        tf.random.set_seed(0)
        self.table = tf.Variable(tf.random.normal([len(VOCABULARY), 6]), name="word_embeddings/table")
        self.kernel = tf.Variable(tf.random.normal([6, 4]), name="transformer/layer_0/kernel")
        self.variables = self.trainable_variables = [self.table, self.kernel]
        self.default = default

    @tf.function
    def __call__(self, inputs, training=False):
        sequence = tf.nn.tanh(tf.gather(self.table, inputs["input_word_ids"]) @ self.kernel)
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., None]
        pooled = tf.reduce_sum(sequence * mask, 1) / tf.reduce_sum(mask, 1)
        outputs = {"pooled_output": pooled, "sequence_output": sequence, "encoder_outputs": [sequence]}
        return outputs | ({"default": pooled + 1.0} if self.default else {})


def save_pair(folder, *, fast=False, default=True):
    """Saves both and returns `(encoder, preprocessor)` directories."""
    encoder = Encoder(default)
    spec = {name: tf.TensorSpec([None, LENGTH], tf.int32, name=name) for name in KEYS}
    for training in (True, False):
        encoder.__call__.get_concrete_function(spec, training=training)
    tf.saved_model.save(encoder, str(folder / "encoder"))
    tf.saved_model.save(Preprocessor(folder, fast), str(folder / "preprocessor"))
    return folder / "encoder", folder / "preprocessor"


def save_bert(folder, *, layers=2, tokenizer=True):
    """Saves a BERT of KerasHub with its tokenizer as a preset and returns the directory."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    model = keras_hub.models.BertBackbone(len(VOCABULARY), layers, 2, 16, 32, max_sequence_length=12)
    model.save_to_preset(str(folder))
    if tokenizer:
        keras_hub.models.BertTokenizer(vocabulary=VOCABULARY, lowercase=True).save_to_preset(str(folder))
    return folder

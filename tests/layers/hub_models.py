"""Small SavedModels for the tests, written as hub publishers did (Keras 2) or from a `tf.Module`."""

import os
import pathlib
import tarfile
import warnings

import numpy as np
import pytest
import tensorflow as tf

data = pytest.mark.skipif("TLKERAS_DATA" not in os.environ, reason="TLKERAS_DATA names no folder with hub/")


def hub_data(name):
    return pathlib.Path(os.environ["TLKERAS_DATA"]) / "hub" / name


def images(count=4, seed=0):
    return np.random.default_rng(seed).random((count, 8, 8, 3), dtype="float32")


def save_keras2(directory):
    """A Keras 2 feature vector with BatchNorm, dropout and a weight penalty: 6 variables, 4 trainable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tf_keras

        tf_keras.utils.set_random_seed(1)
        layers = tf_keras.layers
        model = tf_keras.Sequential(
            [
                layers.Input((8, 8, 3)),
                layers.Conv2D(4, 3, kernel_regularizer="l2"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.GlobalAveragePooling2D(),
                layers.Dropout(0.5),
            ]
        )
        model.save(directory, save_format="tf", include_optimizer=False)
    return directory


class Text(tf.Module):
    """Embeds one token; no `training` argument, a table read from an asset file."""

    def __init__(self, vocabulary):
        self.asset = tf.saved_model.Asset(str(vocabulary))
        initializer = tf.lookup.TextFileInitializer(self.asset, tf.string, 0, tf.int64, 1, delimiter=" ")
        self.table = tf.lookup.StaticHashTable(initializer, -1)
        self.embedding = tf.Variable([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]], name="embedding")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, words):
        return tf.gather(self.embedding, self.table.lookup(words) + 1)


def save_text(directory, vocabulary):
    vocabulary.write_text("cat 0\ndog 1\n")
    module = Text(vocabulary)
    tf.saved_model.save(module, str(directory))
    vocabulary.unlink()
    return directory


class Module(tf.Module):
    """Runs `body(x, self.weight)` on float32 `(batch, 2)`; extra attributes are tracked."""

    def __init__(self, body, **attributes):
        self.weight = tf.Variable([1.0, 2.0], name="weight")
        self._body = body
        for name, value in attributes.items():
            setattr(self, name, value)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def __call__(self, x):
        return self._body(x, self.weight)


def save_module(directory, body=lambda x, weight: x * weight, **attributes):
    tf.saved_model.save(Module(body, **attributes), str(directory))
    return directory


class Preprocessor(tf.Module):
    """Makes ids and a mask of strings, as the preprocessors of text encoders do."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, sentences):
        codes = tf.strings.unicode_decode(sentences, "UTF-8").to_tensor(0, shape=[None, 6])
        return {"input_word_ids": codes % 7, "input_mask": tf.cast(codes > 0, tf.int32)}


class Encoder(tf.Module):
    """Takes a dict and gives one with `default`, as text encoders do; `scale` is trained."""

    def __init__(self):
        self.table = tf.Variable(tf.reshape(tf.range(14.0), [7, 2]), name="table")
        self.scale = tf.Variable(2.0, name="scale")

    @tf.function
    def __call__(self, inputs, training=False):
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., None]
        sequence = tf.gather(self.table, inputs["input_word_ids"]) * mask
        pooled = tf.reduce_sum(sequence, 1) * self.scale
        return {"default": pooled + 1.0 if training else pooled, "sequence_output": sequence}


def save_encoder(directory):
    encoder = Encoder()
    spec = {name: tf.TensorSpec([None, 6], tf.int32, name=name) for name in ("input_word_ids", "input_mask")}
    for training in (True, False):
        encoder.__call__.get_concrete_function(spec, training=training)
    tf.saved_model.save(encoder, str(directory))
    return directory


def save_signatures(directory):
    """Only signatures: `serving_default` with one output, `both` with two inputs and two outputs."""
    module = tf.Module()
    module.weight = tf.Variable([1.0, 2.0], name="weight")
    x, y = (tf.TensorSpec([None, 2], tf.float32, name=name) for name in "xy")
    one = tf.function(lambda x: {"scaled": x * module.weight}, input_signature=[x])
    both = tf.function(lambda x, y: {"sum": (x + y) * module.weight, "count": tf.shape(x)[0]}, input_signature=[x, y])
    tf.saved_model.save(module, str(directory), signatures={"serving_default": one, "both": both})
    return directory


def save_tf1(directory, build, tags=(("serve",),), main_op=True):
    """Saves a graph as TensorFlow 1 did.

    `build(training)` makes it and returns `{signature: (inputs, outputs)}` by name; it runs once for each of `tags`,
    and the variables are those of the first.
    """
    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(str(directory))
    for index, tag in enumerate(tags):
        with tf.Graph().as_default(), v1.Session() as session:
            signatures = {
                name: v1.saved_model.predict_signature_def(*tensors) for name, tensors in build("train" in tag).items()
            }
            session.run([v1.global_variables_initializer(), v1.tables_initializer()])
            assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
            options = {
                "signature_def_map": signatures,
                "assets_collection": assets,
                "main_op": v1.tables_initializer() if main_op else None,
            }
            if index == 0:
                builder.add_meta_graph_and_variables(session, list(tag), **options)
            else:
                builder.add_meta_graph(list(tag), **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder.save()
    return directory


class Unfilled(tf.lookup.KeyValueTensorInitializer):
    """Leaves its table empty, so that a function can fill it."""

    def __init__(self):
        super().__init__(["a"], [1], value_dtype=tf.int64)

    def initialize(self, table):
        return tf.no_op()


class Swapped(tf.Module):
    """Fills a table from an asset by a function whose twin for the CPU, if put in its place, reads `secret`."""

    def __init__(self, asset, secret):
        self.asset = tf.saved_model.Asset(str(asset))
        self.secret = str(secret)
        self.tables = [tf.lookup.StaticHashTable(Unfilled(), 0) for _ in range(2)]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, words):
        asset = self.asset.asset_path
        first = _filler(self.tables[0], 0, "GPU")(asset, tf.constant(self.secret))
        second = _filler(self.tables[1], 1, "CPU")(asset, asset)
        with tf.control_dependencies([first, second]):
            return self.tables[0].lookup(words)


def _filler(table, which, device):
    def fill(*paths):
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=table.resource_handle, filename=paths[which], key_index=0, value_index=1, delimiter=" "
        )
        return tf.constant(0.0)

    attributes = {"api_implements": "fill", "api_preferred_device": device}
    signature = [tf.TensorSpec([], tf.string)] * 2
    return tf.function(fill, signature, autograph=False, experimental_attributes=attributes)


def pack(directory, path, prefix="."):
    """Packs a directory as hub publishers do."""
    with tarfile.open(path, "w:gz") as tar:
        tar.add(directory, arcname=prefix)
    return path


def edit_graph(directory, change):
    """Applies `change(meta_graph)` to the saved_model.pb in `directory`."""
    from tensorflow.core.protobuf import saved_model_pb2

    path = pathlib.Path(directory) / "saved_model.pb"
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString(path.read_bytes())
    change(saved_model.meta_graphs[0])
    path.write_bytes(saved_model.SerializeToString())


def save_sound(directory):
    """As YAMNet: one waveform in; scores, embeddings and spectrogram of each of its frames out. Two variables train."""
    draw, module = np.random.default_rng(0), tf.train.Checkpoint()
    module.kernel = tf.Variable(draw.normal(size=(100, 5)).astype("float32"), name="kernel")
    module.top = tf.Variable(draw.normal(size=(5, 3)).astype("float32"), name="top")
    module.variables = module.trainable_variables = [module.kernel, module.top]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def call(waveform):
        frames = tf.signal.frame(waveform, 100, 50)
        spectrogram = tf.abs(tf.signal.rfft(frames))
        embeddings = tf.nn.relu(tf.matmul(frames, module.kernel))
        return tf.nn.sigmoid(tf.matmul(embeddings, module.top)), embeddings, spectrogram

    module.__call__ = call
    tf.saved_model.save(module, str(directory))
    return directory

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

"""Lets an export carry the initialisation of the tables of a TF1 graph."""

import tensorflow as tf


class TableInitialization(tf.saved_model.experimental.TrackableResource):
    """Runs the initialisation of a loaded TF1 graph where an export of it is loaded.

    TensorFlow keeps it in an object that `tf.saved_model.save` knows, but Keras exports only resources of this class.

    Args:
        loaded: What `tf.saved_model.load` made of a SavedModel of the TF1 format.
    """

    def __init__(self, loaded):
        super().__init__()
        self._initializer = loaded.initializer
        for index, asset in enumerate(loaded.asset_paths):
            self._track_trackable(asset, f"asset_{index}")

    def _create_resource(self):
        return tf.constant(0.0)  # the tables are resources of the graph; this stands for them

    def _initialize(self):
        self._initializer._initialize()

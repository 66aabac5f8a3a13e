"""The tokenizer of a KerasHub preset as a layer that a `.keras` file carries whole."""

import base64
import tempfile
import zlib
from pathlib import Path

import keras
from keras.src.saving.serialization_lib import SafeModeScope


@keras.saving.register_keras_serializable("tlkeras")
class PresetTokens(keras.layers.Layer):
    """Strings `(batch,)` to ids `(batch, sequence_length)`, with the marks of start and end, cut or padded at the end.

    The vocabulary is part of the config. KerasHub's own layers read theirs from a `.keras` file after the graph has
    been rebuilt, and a graph with them cannot be rebuilt without it.

    Args:
        preprocessor: `keras_hub.models.TextClassifierPreprocessor`, of which the ids are taken.
        **kwargs: Keras layer arguments.

    Example:
        >>> import keras_hub
        >>> tokenizer = keras_hub.models.BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good"])
        >>> layer = PresetTokens(keras_hub.models.BertTextClassifierPreprocessor(tokenizer, sequence_length=5))
        >>> texts = keras.ops.convert_to_tensor(["good", "good good good good"], "string")
        >>> np.asarray(layer(texts)).tolist()
        [[2, 5, 3, 0, 0], [2, 5, 5, 5, 3]]
    """

    def __init__(self, preprocessor, **kwargs):
        kwargs.setdefault("dtype", "int32")
        super().__init__(**kwargs)
        # A bound method is not tracked, so that Keras does not look for the vocabulary in the file again.
        self._run = preprocessor.__call__
        self.supports_jit = False

    @property
    def preprocessor(self):
        """The preprocessor."""
        return self._run.__self__

    def call(self, inputs):
        """Returns the ids."""
        return self._run(inputs)["token_ids"]

    def compute_output_spec(self, inputs):
        """Returns the shape of the ids; their number is known, which KerasHub itself forgets."""
        return keras.KerasTensor((*inputs.shape, self.preprocessor.sequence_length), "int32")

    def get_config(self):
        """Returns the arguments of the layer, the preprocessor serialised, and the files of its vocabulary."""
        with tempfile.TemporaryDirectory() as folder:
            self.preprocessor.tokenizer.save_assets(folder)
            files = {path.name: _pack(path.read_bytes()) for path in sorted(Path(folder).iterdir())}
        preprocessor = keras.saving.serialize_keras_object(self.preprocessor)
        return {**super().get_config(), "preprocessor": preprocessor, "vocabulary": files}

    @classmethod
    def from_config(cls, config):
        """Returns the layer of `config`.

        Raises:
            ValueError: If the name of a file of the vocabulary would leave its folder.
        """
        config = dict(config)
        files = config.pop("vocabulary")
        preprocessor = keras.saving.deserialize_keras_object(config.pop("preprocessor"))
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                if Path(name).name != name:
                    raise ValueError(f"`vocabulary` must hold plain file names. Received: {name!r}")
                Path(folder, name).write_bytes(zlib.decompress(base64.b64decode(text, validate=True)))
            # In safe mode KerasHub opens no file that a config names. These were written here, of the config's content.
            with SafeModeScope(False):
                preprocessor.tokenizer.load_assets(folder)
        return cls(preprocessor, **config)


def _pack(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")

"""What a set of features depends on, as SHA-256: the model as it is now, and the rows."""

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np

# None of these moves the output of a model in inference mode; those of a HubLayer are known by the program beside them.
# The shape that a layer was built for comes and goes with its first call.
_NOT_OF_INFERENCE = ("trainable", "build_config", "build_input_shape")
_NOT_OF_A_HUB_LAYER = (*_NOT_OF_INFERENCE, "handle", "depth", "freeze_bn")
_NAMES = ("name", "keras_history", "input_layers", "output_layers")


def digest_rows(rows) -> bytes:
    """Returns the SHA-256 of an array: its type, its shape and its values.

    Example:
        >>> digest_rows(np.zeros(2, "uint8")) == digest_rows(np.zeros((2, 1), "uint8"))
        False
    """
    rows = np.asarray(rows)
    digest = hashlib.sha256(f"{rows.dtype.str} {rows.shape}".encode())
    if rows.dtype.kind == "O":  # texts: the bytes of the array itself would be memory addresses
        for item in rows.ravel():
            content = item if isinstance(item, bytes) else str(item).encode()
            digest.update(f"{len(content)} ".encode() + content)
    else:
        digest.update(np.ascontiguousarray(rows).reshape(-1).view("uint8"))
    return digest.digest()


def digest_layer(layer) -> str:
    """Returns the SHA-256 over config, weights and vocabularies of a layer or model, as they are now, in hexadecimal.

    Names that Keras made up do not count, so the same model built twice is the same model; nor does what only matters
    in training. The code of a custom layer is not seen: change an argument of it along with its code.

    Args:
        layer: A layer or functional model whose weights have values.

    Example:
        >>> inputs = keras.Input((4,))
        >>> first, second = (keras.Model(inputs, keras.layers.ReLU()(inputs)) for _ in range(2))
        >>> first.name == second.name, digest_layer(first) == digest_layer(second)
        (False, True)
    """
    numbers = _numbers(layer)
    config = _renamed(layer.get_config(), numbers)
    digest = hashlib.sha256(f"{type(layer).__name__} {json.dumps(config, sort_keys=True, default=_plain)}".encode())
    for variable in layer.weights:
        digest.update(digest_rows(variable))
    for part in layer._flatten_layers():
        if hasattr(part, "save_assets"):
            digest.update(_digest_assets(part))
    return digest.hexdigest()


def _numbers(layer) -> dict:
    """Returns a number for each name within a layer; a functional model calls operations that are no layers, too."""
    named = [part for whole in layer._flatten_layers() for part in (whole, *getattr(whole, "operations", ()))]
    return {name: f"layer {index}" for index, name in enumerate(dict.fromkeys(part.name for part in named))}


def _digest_assets(layer) -> bytes:
    """Returns the SHA-256 of what a layer learned without weights: `TextVectorization` adapts a vocabulary."""
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        layer.save_assets(folder)
        for file in sorted(Path(folder).rglob("*")):
            if file.is_file():
                digest.update(f"{file.relative_to(folder).as_posix()} {file.stat().st_size} ".encode())
                digest.update(file.read_bytes())
    return digest.digest()


def _plain(value):
    """Returns what JSON can hold of an argument that it cannot, such as an array or a dtype policy."""
    if hasattr(value, "get_config"):
        return [type(value).__name__, value.get_config()]
    return np.asarray(value).tolist() if hasattr(value, "__array__") else repr(value)


def _renamed(config, numbers, key=None):
    if isinstance(config, dict):
        without = _NOT_OF_A_HUB_LAYER if "program" in config else _NOT_OF_INFERENCE
        return {key: _renamed(value, numbers, key) for key, value in config.items() if key not in without}
    if isinstance(config, list | tuple):
        return [_renamed(value, numbers, key) for value in config]
    # Elsewhere the name of a layer may be a value of its own, such as the activation of a layer called "relu".
    return numbers.get(config, config) if key in _NAMES and isinstance(config, str) else config

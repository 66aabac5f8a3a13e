"""The operations of TensorFlow Text, which are registered by an import that is made only when a graph needs it."""

import re

import tensorflow as tf

_UNKNOWN = re.compile(r"Op type not registered '([^']+)'")


def load_with_text_ops(folder: str, options, source: str):
    """Loads a SavedModel; where TensorFlow does not know an operation of it, once more with TensorFlow Text imported.

    Args:
        folder: Directory of the SavedModel.
        options: `tf.saved_model.LoadOptions`.
        source: What to call it in an error.

    Returns:
        The loaded object.

    Raises:
        ImportError: If TensorFlow Text is needed and not installed.
    """
    try:
        return tf.saved_model.load(folder, options=options)
    except Exception as error:  # TensorFlow 2.21 raises a RuntimeError, earlier ones NotFoundError
        found = _UNKNOWN.search(str(error))
        if found is None:
            raise
        _register(found[1], source)
    return tf.saved_model.load(folder, options=options)


def _register(name: str, source: str) -> None:
    # Imported here because it is an extra, and takes a second.
    try:
        import tensorflow_text  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"This SavedModel needs the operation {name!r}, which TensorFlow does not have; if it is one of TensorFlow "
            f'Text, as in most preprocessors of text encoders: pip install "tlkeras[text]" ({error}). '
            f"Received: {source}"
        ) from error

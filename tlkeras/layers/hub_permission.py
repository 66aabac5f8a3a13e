"""Who may load a SavedModel that touches the host: a permission of the caller, never of a file."""

import contextlib
import contextvars

import keras

_PERMITTED = contextvars.ContextVar("tlkeras_allow_host_ops", default=False)


def permitted() -> bool:
    """Returns whether a SavedModel that is rebuilt from a config may touch the host just now."""
    return _PERMITTED.get()


@contextlib.contextmanager
def permission(allowed: bool):
    """Gives the permission, or withholds it, for what is rebuilt from configs inside the `with` block.

    Example:
        >>> with permission(True):
        ...     permitted()
        True
    """
    token = _PERMITTED.set(bool(allowed))
    try:
        yield
    finally:
        _PERMITTED.reset(token)


def permission_of(model):
    """Gives what the layers of `model` were permitted, to copies of them that are made inside the `with` block.

    Args:
        model: Keras model or layer.
    """
    return permission(any(getattr(layer, "allow_host_ops", False) for layer in model._flatten_layers()))


def load(path, allow_host_ops=False, **kwargs):
    """Loads a `.keras` file as `keras.models.load_model` does; the permission for host operations is given anew.

    Args:
        path: The file.
        allow_host_ops: Whether a `HubLayer` in it may hold operations that touch the host. It is a program of whoever
            wrote the file.
        **kwargs: Arguments of `keras.models.load_model`.

    Returns:
        The model.

    Raises:
        ValueError: If a `HubLayer` in it touches the host and that is not allowed.
    """
    with permission(allow_host_ops):
        return keras.models.load_model(path, **kwargs)

"""One string for a backbone of any origin, for command lines and configs."""

import ast
from pathlib import Path
from urllib.parse import parse_qsl

from tlkeras.backbones.applications import application_names, from_applications
from tlkeras.backbones.backbone import Backbone
from tlkeras.backbones.hub import from_hub
from tlkeras.backbones.presets import from_preset

_PREPROCESSOR = "?preprocessor="
_ORIGINS = {"hub": from_hub, "applications": from_applications, "preset": from_preset}


def from_handle(handle, trainable=False, *, input_shape=None, allow_host_ops=False) -> Backbone:
    """Makes the backbone that a string names.

    - `DIR`, `FILE.tar.gz`, `https://...`, `kaggle://...`, or `hub:` before one of them: `from_hub`; for a text encoder
      `?preprocessor=` and the same of its preprocessor may follow;
    - `MobileNetV2`, `applications:MobileNetV2?alpha=0.35&weights=FILE`: `from_applications`; arguments after `?`;
    - `preset:NAME`, `preset:DIR`: `from_preset`.

    Args:
        handle: The string.
        trainable: Whether training moves the backbone.
        input_shape: Shape of one image, such as `(160, 160, 3)`; by default that of the pretrained model.
        allow_host_ops: Load a SavedModel although it touches the host.

    Returns:
        A `Backbone`.

    Raises:
        ValueError: If the string names nothing, or the arguments do not fit what it names.

    Example:
        >>> from_handle("saved_models/glyphs").width
        128
        >>> from_handle("applications:MobileNetV2?alpha=0.35&weights=None", input_shape=(96, 96, 3)).width
        1280
    """
    handle = str(handle)
    origin, _, rest = handle.partition(":")
    if origin not in _ORIGINS or rest.startswith("//"):
        name = handle.partition("?")[0]
        origin = "applications" if name in application_names() and not Path(handle).exists() else "hub"
        rest = handle
    arguments = {"input_shape": input_shape} if input_shape else {}
    if origin == "applications":
        rest, _, query = rest.partition("?")
        arguments |= _asked(query, handle)
    elif origin == "hub":
        rest, _, preprocessor = rest.partition(_PREPROCESSOR)
        arguments |= {"allow_host_ops": allow_host_ops, "preprocessor": preprocessor or None}
    try:
        return _ORIGINS[origin](rest, trainable, **arguments)
    except ValueError as error:
        raise ValueError(
            "A backbone's handle is DIR, FILE.tar.gz, https://..., kaggle://..., "
            f"applications:NAME[?alpha=0.35&weights=FILE] or preset:NAME. {error} (handle={handle!r})"
        ) from error


def _asked(query: str, handle: str) -> dict:
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)  # in a path, + is no space
    wrong = sorted({"name", "trainable"} & {key for key, _ in pairs})
    if wrong:
        raise ValueError(
            "The arguments after `?` are those of the application, such as alpha=0.35; its name stands before the `?`, "
            f"and what trains is no part of a handle. Received: {wrong} in handle={handle!r}"
        )
    return {key: _value(text) for key, text in pairs}


def _value(text: str):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text

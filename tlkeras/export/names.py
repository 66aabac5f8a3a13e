"""What an export can write, and the names of it; nothing heavy is imported here."""

FORMATS = ("savedmodel", "litert", "onnx", "c", "trainable")
INT8 = ("int8", "int8_float_io", "int8_integer_io")  # they differ in the types of the input and the output
QUANTIZATIONS = ("none", "float16", "dynamic", *INT8)


def planned(formats, quantizations) -> list[str]:
    """Return the names of the files and directories that `export_files` writes.

    Args:
        formats: Of `FORMATS`.
        quantizations: Of `QUANTIZATIONS`.

    Raises:
        ValueError: If a name is unknown.

    Example:
        >>> planned(("savedmodel", "litert"), ("none", "int8"))
        ['saved_model', 'model_float32.tflite', 'model_int8.tflite']
    """
    _check("formats", formats, FORMATS)
    _check("quantizations", quantizations, QUANTIZATIONS)
    stems = [stem(name) for name in quantizations]
    names = {
        "savedmodel": ["saved_model"],
        "litert": [f"{name}.tflite" for name in stems],
        "onnx": ["model.onnx"],
        "c": [f"{name}{suffix}" for name in stems for suffix in (".c", ".h")],
        "trainable": ["model_trainable.tflite"],
    }
    return [name for kind in formats for name in names[kind]]


def stem(quantization: str) -> str:
    """Return the name of a LiteRT file without its suffix."""
    return f"model_{'float32' if quantization == 'none' else quantization}"


def _check(argument: str, names, known: tuple[str, ...]) -> None:
    if isinstance(names, str) or not set(names) <= set(known):
        raise ValueError(f"`{argument}` must be a sequence of names from {known}. Received: {names!r}")

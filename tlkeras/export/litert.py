"""The inference model as a LiteRT (.tflite) file that needs no operator beyond LiteRT's own."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from tlkeras.export.atomic import replacing_file
from tlkeras.export.fake_quant import for_converter, has_fake_quant
from tlkeras.export.names import INT8, QUANTIZATIONS
from tlkeras.export.quiet import quiet_stderr
from tlkeras.export.samples import check_samples, single_input
from tlkeras.export.savedmodel import inference_model

KINDS = (None, *QUANTIZATIONS[1:])


class ConversionError(RuntimeError):
    """The model has an operation that LiteRT's builtin operators cannot express."""


def to_litert(
    model, path: str | os.PathLike, *, quantize: str | None = None, samples=None, value_range=(0, 255)
) -> Path:
    """Write the inference model as one LiteRT file of builtin operators, float32 or quantised in one of three ways.

    float16 halves the weights and computes in float32. dynamic quarters them (int8, but a layer with fewer than 1,024
    stays float32) and quantises the activations while it runs. Both keep the model's own input and output.

    The input has batch size 1 and can be resized. Under `int8` every operator computes in 8-bit integers; a model
    that takes images in 0-255 gets a `uint8` input in which a byte is a pixel value, any other a float32 input that
    the file quantises itself. The output is float32 in the model's own units: one DEQUANTIZE of `classes` values, and
    nobody has to carry the scale along. `int8_float_io` takes and gives float32 always. `int8_integer_io` gives int8,
    and takes int8 where not bytes: such a file computes nothing in float32, and its scales are in the details of its
    input and output. Nothing is verified here; `export_litert` does both.

    Args:
        model: A `keras.Model` or a `TransferModel`, with one input and one output, or a dict of outputs, which are
            the outputs of the file's signature.
        path: The file to write; it appears complete or not at all.
        quantize: None, "float16", "dynamic", "int8", "int8_float_io" or "int8_integer_io".
        samples: Representative inputs `(n, *input_shape)` for "int8", in the form the model takes; about 100 do. A
            model of `tlkeras.surgery.quantization_aware` has its ranges from training: no samples are read.
        value_range: The range of the model's input, or None when it has no fixed one (features, say).

    Returns:
        The path of the file.

    Raises:
        ValueError: If `quantize` is unknown, or `samples` are missing or of the wrong shape or range.
        ConversionError: If an operation has no LiteRT builtin, or under "int8" no 8-bit kernel; the message names it
            and its layer.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1)).astype("uint8")
        >>> to_litert(model, "digits_int8.tflite", quantize="int8", samples=images).name
        'digits_int8.tflite'
    """
    model = inference_model(model)
    content = convert(model, quantize=quantize, samples=samples, value_range=value_range)
    with replacing_file(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def convert(model: keras.Model, *, quantize: str | None = None, samples=None, value_range=(0, 255)) -> bytes:
    """Return the bytes of the LiteRT file; arguments and errors as in `to_litert`."""
    if quantize not in KINDS:
        raise ValueError(f"`quantize` must be one of {KINDS}. Received: {quantize!r}")
    tensor = single_input(model, named_outputs=True)
    if quantize in INT8 and has_fake_quant(model):
        samples = None
    elif quantize in INT8:
        if samples is None:
            raise ValueError(
                '`samples` must hold representative inputs when `quantize` is "int8": they set the scale of every '
                "layer. Received: None"
            )
        if tensor.dtype != "float32":
            raise ValueError(f'"int8" needs a model with a float32 input. Received: dtype={tensor.dtype}')
        samples = check_samples(samples, model, value_range, "samples")
    with tempfile.TemporaryDirectory() as directory, naming_operations(model, quantize), quiet_stderr():
        if quantize in INT8:
            converter = int8_converter(model, directory, samples, value_range, quantize)
        else:
            converter = _converter(model, directory, quantize)
        content = converter.convert()
    if quantize in INT8:
        _refuse_float_operations(content, model)
    return content


@contextlib.contextmanager
def naming_operations(model: keras.Model, quantize: str | None) -> Iterator[None]:
    """Say of a conversion in the block which operations have no builtin, and in which layers.

    Raises:
        ConversionError: In place of the converter's error, where that names operations.
    """
    try:
        yield
    except Exception as error:  # the converter raises its own class, RuntimeError or ValueError for the same cause
        found = _operations(str(error), model)
        if not found:
            raise
        raise ConversionError(
            f"These operations have no LiteRT builtin: {'; '.join(found)}. Replace the layer (an RNN with "
            "`unroll=True`, a lookup with integer inputs) or cut the model before it and compute that part "
            f"outside the file. Received: model {model.name!r}, quantize={quantize!r}"
        ) from error


def _converter(model: keras.Model, directory: str, quantize: str | None):
    model.export(directory, format="tf_saved_model", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(directory)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converter


def int8_converter(model: keras.Model, directory: str, samples: np.ndarray | None, value_range, quantize: str = "int8"):
    """Return the converter of a model to int8.

    Args:
        model: The inference model.
        directory: An empty one, for the SavedModel that is read.
        samples: Representative inputs, checked; of bytes, the corners of the first are overwritten. None for a model
            that brings its ranges along.
        value_range: As in `to_litert`.
        quantize: Of `INT8`.
    """
    with for_converter(model, value_range) if samples is None else contextlib.nullcontext():
        converter = _converter(model, directory, quantize)
    whole_bytes = value_range is not None and tuple(value_range) == (0, 255)
    if whole_bytes and samples is not None:
        # The converter takes the input's scale from the smallest and largest value it sees: one pixel of each makes
        # the scale 1, so that brighter images than the representative ones are not clipped.
        samples[0].flat[0], samples[0].flat[-1] = 0, 255
    if samples is not None:
        converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    integers, floats = quantize == "int8_integer_io", quantize == "int8_float_io"
    converter.inference_input_type = tf.uint8 if whole_bytes and not floats else tf.int8 if integers else tf.float32
    converter.inference_output_type = tf.int8 if integers else tf.float32
    return converter


def _refuse_float_operations(content: bytes, model: keras.Model) -> None:
    """Refuse an "int8" file that computes in float32 between its input and its output; the converter says nothing."""
    interpreter = Interpreter(model_content=content)
    ends = {details["index"] for details in interpreter.get_input_details() + interpreter.get_output_details()}
    names = [
        details["name"]
        for details in interpreter.get_tensor_details()
        if details["dtype"] is np.float32 and details["index"] not in ends and "dequantize" not in details["name"]
    ]
    if names:
        raise ConversionError(
            f"LiteRT has no 8-bit kernel for these operations and would compute them in float32: "
            f"{'; '.join(place(name.rpartition('/')[2], name, model) for name in names)}. Replace the layer or "
            f"export without quantisation. Received: model {model.name!r}, quantize='int8'"
        )


def _operations(message: str, model: keras.Model) -> list[str]:
    """Read operations and their layers from the converter's message: `fused["Erfinv:", "model/layer/Erfinv@..."]`."""
    found = re.findall(r'error: loc\(.*?fused\["(\w+):", "([^"@]*)', message)
    places = (place(operation, path, model) for operation, path in found if not operation.endswith("PartitionedCall"))
    return list(dict.fromkeys(places))


def place(operation: str, path: str, model: keras.Model) -> str:
    """Name the innermost layer on a graph path; Keras adds `_1` and so on to a layer that is called again."""
    names = {layer.name for layer in model._flatten_layers(include_self=False)}
    parts = [part if part in names else re.sub(r"_\d+$", "", part) for part in path.split("/")]
    layers = [part for part in parts if part in names]
    return f"{operation} in layer {layers[-1]!r}" if layers else f"{operation} at {path!r}"

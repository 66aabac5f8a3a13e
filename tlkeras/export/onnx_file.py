"""The inference model as an ONNX file, run by ONNX Runtime before it gets its name."""

import importlib.util
import os
import re
import warnings

import numpy as np

from tlkeras.export.atomic import replacing_file
from tlkeras.export.litert import ConversionError, place
from tlkeras.export.quiet import quiet_stderr
from tlkeras.export.reference import FLOAT_BOUND, Reference, reference
from tlkeras.export.samples import single_input
from tlkeras.export.savedmodel import inference_model

NEEDED = ("tf2onnx", "onnxruntime")


def to_onnx(model, path: str | os.PathLike, *, samples, min_agreement: float = 0.98, value_range=(0, 255)) -> dict:
    """Write the inference model as one float32 ONNX file, and verify it.

    The batch size is open. tf2onnx writes a file also where an operation has no place in ONNX, and says so in a log;
    such a file is refused here, as is one whose answers in ONNX Runtime are not the model's: largest difference 0.1 %
    of the largest output, as for LiteRT. A file that fails is deleted, and an older file of that name stays.

    Args:
        model: A `keras.Model` or a `TransferModel`, with one input and one output.
        path: The file to write.
        samples: Array `(n, *input_shape)` on which file and model are compared.
        min_agreement: The smallest share of equal argmax that passes, in (0, 1].
        value_range: The range of the model's input, or None when it has no fixed one.

    Returns:
        A dict: `path`, `bytes`, and what `Reference.check` returns.

    Raises:
        ValueError: If an argument is out of range or the samples do not fit.
        ImportError: If tf2onnx or ONNX Runtime is not installed.
        ConversionError: If an operation has no place in ONNX; the message names it and its layer.
        ExportMismatch: If the file does not give the model's answers.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1)).astype("uint8")
        >>> to_onnx(model, "digits.onnx", samples=images)["agreement"]
        1.0
    """
    check_installed()
    return write_onnx(model, path, reference(model, samples, min_agreement=min_agreement, value_range=value_range))


def check_installed() -> None:
    """Refuse to go on without the extra.

    Raises:
        ImportError: If tf2onnx or ONNX Runtime is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f'ONNX needs {" and ".join(NEEDED)}: pip install "tlkeras[onnx]". Received: no {missing[0]}')


def write_onnx(model, path: str | os.PathLike, expected: Reference) -> dict:
    """Write an ONNX file as `to_onnx` does, verified by a reference that is there already.

    Args:
        model: As in `to_onnx`; Keras exports what was called once, as the reference did.
        path: The file to write.
        expected: The reference.
    """
    model = inference_model(model)
    single_input(model)
    with replacing_file(path) as temporary:
        with quiet_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Keras 3.15 asks NumPy for a name that tf2onnx misses
            model.export(temporary, format="onnx", verbose=False)
        facts = expected.check(run_onnx(temporary, expected.samples, model), f"{model.name!r} as ONNX", FLOAT_BOUND)
        size = os.path.getsize(temporary)
    return {"path": str(path), "bytes": size, **facts}


def run_onnx(path: str | os.PathLike, samples, model=None) -> np.ndarray:
    """Return the outputs of an ONNX file for samples, by ONNX Runtime on the CPU.

    Args:
        path: A file with one input and one output.
        samples: Array `(n, *input_shape)`.
        model: The model that it was made from, whose layers an error then names.

    Raises:
        ConversionError: If the file holds an operation that ONNX Runtime does not have.
        ValueError: If it is no ONNX file.
    """
    import onnxruntime  # an extra, not installed everywhere

    try:
        with quiet_stderr():  # it warns of attributes that tf2onnx chose
            session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # a class for each cause, without a common one
        unknown = re.search(r'In Node, \("([^"]*)", (\w+),', str(error))
        if not unknown:
            raise ValueError(f"`path` must be an ONNX file. Received: {path} ({error})") from error
        node, operation = unknown.groups()
        where = place(operation, node, model) if model else f"{operation} at {node!r}"
        raise ConversionError(
            f"ONNX has no such operation: {where}. Replace the layer, or cut the model before it and compute that part "
            f"outside the file. Received: {os.path.basename(path)}"
        ) from error
    return session.run(None, {session.get_inputs()[0].name: np.asarray(samples)})[0]

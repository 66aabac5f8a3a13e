"""What a LiteRT file holds: operations by type, number formats, inputs and outputs."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tlkeras.export.quiet import quiet_stderr

INTEGERS = ("int8", "uint8", "int16")  # in which quantised files compute, the usual one first

AS_WRITTEN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def open_litert(path: str | os.PathLike, *, threads: int = 1) -> Interpreter:
    """Return an interpreter that is ready to run a file, or say what is wrong with the file.

    Args:
        path: A `.tflite` file.
        threads: Threads of the interpreter.

    Raises:
        ValueError: If the file is no LiteRT file, is cut short, or has an operator that the runtime lacks.
    """
    interpreter = parsed(path, num_threads=threads)
    try:
        with quiet_stderr():
            interpreter.allocate_tensors()
    except RuntimeError as error:
        names = sorted({step["op_name"] for step in interpreter._get_ops_details() if step["op_name"][:4] == "Flex"})
        found = ", ".join(names) or str(error).strip().partition("\n")[0]
        raise ValueError(
            "`files` must have only operators that the LiteRT runtime has; those named Flex need TensorFlow: convert "
            f"with builtin operators alone, as `tlkeras.export.to_litert` does. Received: {found} in {path}"
        ) from error
    return interpreter


def litert_contents(path: str | os.PathLike) -> dict:
    """Return what a file holds, as its author wrote it: before a delegate takes operators over.

    Operators inside a loop or a branch are not counted.

    Args:
        path: A `.tflite` file.

    Returns:
        A dict: `bytes`; `precision`, one of "float32", "float16 weights", "int8 weights" (it computes in float32, or
        quantises at run time), "fully int8" (or uint8, int16), "mixed" (of integer and float32 operators);
        `operations` and `tensors`, counts by type, most first; `inputs` and `outputs`, each a list of
        `{"name", "dtype", "shape"}`.

    Raises:
        ValueError: If the file is no LiteRT file or is cut short.

    Example:
        >>> model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
        >>> found = litert_contents(tlkeras.export.to_litert(model, "small.tflite"))
        >>> found["operations"], found["precision"]
        ({'FULLY_CONNECTED': 2}, 'float32')
    """
    interpreter = parsed(path, experimental_op_resolver_type=AS_WRITTEN)
    steps = interpreter._get_ops_details()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    types = {tensor["index"]: np.dtype(tensor["dtype"]).name for tensor in interpreter.get_tensor_details()}
    return {
        "bytes": os.path.getsize(path),
        "precision": _precision(steps, types, {end["index"] for end in inputs}),
        "operations": dict(Counter(step["op_name"] for step in steps).most_common()),
        "tensors": dict(Counter(types.values()).most_common()),
        "inputs": [_end(details) for details in inputs],
        "outputs": [_end(details) for details in outputs],
    }


def parsed(path: str | os.PathLike, argument: str = "files", **how) -> Interpreter:
    """Return the interpreter of a file, its tensors without memory yet.

    Args:
        path: A `.tflite` file.
        argument: Its name, for the error.
        **how: Arguments of the interpreter.

    Raises:
        ValueError: If the file is no LiteRT file or is cut short.
    """
    path = Path(path)
    if not path.is_file():
        kind = "the directory " if path.is_dir() else "no file at "
        raise ValueError(f"`{argument}` must be LiteRT (.tflite) files. Received: {kind}{path}")
    try:
        with quiet_stderr():
            return Interpreter(model_path=os.fspath(path), **how)
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"`{argument}` must be LiteRT (.tflite) files, complete. "
            f"Received: {path}, {path.stat().st_size} bytes: {str(error).strip().partition(chr(10))[0]}"
        ) from error


def _precision(steps, types: dict[int, str], inputs: set[int]) -> str:
    """Tell from what the operators yield, the conversions aside, and from the constants."""
    computed = {index for step in steps for index in step["outputs"]}
    yielded = {types[i] for step in steps if "QUANTIZE" not in step["op_name"] for i in step["outputs"] if i in types}
    weights = {name for index, name in types.items() if index not in computed | inputs}
    integers = [name for name in INTEGERS if name in yielded]
    if integers:
        return "mixed" if "float32" in yielded else f"fully {integers[0]}"
    return next((f"{name} weights" for name in (*INTEGERS, "float16") if name in weights), "float32")


def _end(details: dict) -> dict:
    return {
        "name": details["name"],
        "dtype": np.dtype(details["dtype"]).name,
        "shape": [int(side) for side in details["shape"]],
    }

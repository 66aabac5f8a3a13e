"""int8 with some operators in float32: how much each costs when it is quantised, and which stay float."""

import tempfile
from collections.abc import Callable

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python.convert import mlir_quantize  # the converter's own last step, without a switch there

from tlkeras.export.litert import int8_converter, place
from tlkeras.export.quiet import quiet_stderr
from tlkeras.export.reference import ExportMismatch
from tlkeras.export.run import run_content

PROBES = 32  # samples on which the sensitivity of an operator is measured


class Calibrated:
    """A model whose ranges were measured once, to be written as int8 with any operators in float32.

    Args:
        model: The inference model.
        samples: Representative inputs, checked, `(n, *input_shape)`.
        value_range: As in `to_litert`.
        quantize: Of `INT8`.

    Attributes:
        operators: `{name of the operator's output: "2: CONV_2D in layer 'conv'"}`, in the order in which they run.
    """

    def __init__(self, model: keras.Model, samples: np.ndarray, value_range, quantize: str = "int8"):
        with tempfile.TemporaryDirectory() as directory, quiet_stderr():
            converter = int8_converter(model, directory, samples, value_range, quantize)
            self._ends = converter.inference_input_type, converter.inference_output_type
            converter._experimental_calibrate_only = True
            self._content = converter.convert()
        interpreter = Interpreter(model_content=self._content)
        names = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
        steps = [(step["op_name"], names[step["outputs"][0]]) for step in interpreter._get_ops_details()]
        self.operators = {name: f"{row}: {_placed(kind, name, model)}" for row, (kind, name) in enumerate(steps, 1)}
        kind, name = steps[-1]  # it has the name of the file's output
        last = model.outputs[0]._keras_history.operation.name
        self.operators[name] = f"{len(steps)}: {kind} in layer {last!r}"

    def content(self, floats=()) -> bytes:
        """Return the bytes of the LiteRT file.

        Args:
            floats: Those of `operators` that compute in float32.
        """
        with quiet_stderr():
            taken, given = self._ends
            return mlir_quantize(
                self._content, input_data_type=taken, output_data_type=given, denylisted_nodes=list(floats)
            )


def sensitivities(calibrated: Calibrated, samples: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    """Return, for each operator, the mean squared difference of the outputs when it alone computes in int8.

    Its inputs and its output are quantised with it, so that an activation counts with the operators on both sides.

    Args:
        calibrated: The model.
        samples: Array `(n, *input_shape)`; the first 32 are used.
        answers: The model's outputs on them.

    Returns:
        `{operator: float >= 0}`, the most sensitive first; infinite where an output is not finite.
    """
    found = {}
    for name in calibrated.operators:
        outputs = run_content(calibrated.content(set(calibrated.operators) - {name}), samples[:PROBES])
        lost = float(np.square(outputs - answers[:PROBES]).mean())
        found[name] = lost if np.isfinite(lost) else np.inf  # a logarithm of what became 0, say
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def fewest_floats(ranking: list[str], attempt: Callable) -> tuple[list[str], object]:
    """Return the shortest beginning of a ranking that passes, by doubling and then halving, and what it gave.

    Args:
        ranking: Operators, the most sensitive first.
        attempt: Function of a list of operators; it raises `ExportMismatch` where they are too few.

    Raises:
        ExportMismatch: If all of them are too few.
    """
    low, high = 0, 1
    while True:
        high = min(high, len(ranking))
        try:
            best = attempt(ranking[:high])
            break
        except ExportMismatch:
            if high == len(ranking):
                raise
            low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        try:
            best, high = attempt(ranking[:middle]), middle
        except ExportMismatch:
            low = middle
    return ranking[:high], best


def _placed(operation: str, name: str, model: keras.Model) -> str:
    """Name the layer of an operator: of those that were fused into it, the one with weights that are no averages.

    Inside a hub SavedModel there are no layers: the operator is named as there.
    """
    if "/" not in name:
        return f"{operation} at {name!r}"
    found = [place(operation, path, model) for path in name.split(";")]
    kernels = {layer.name for layer in model._flatten_layers(include_self=False) if hasattr(layer, "kernel")}
    return next((text for text in found if text.rpartition(" in layer ")[2].strip("'") in kernels), found[0])

"""The forward pass of a frozen model through LiteRT float32 on the CPU."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tlkeras.export.atomic import replacing_file
from tlkeras.export.quiet import quiet_stderr

MOST_BYTES = 2**30  # of weights, all interpreters together


class LiteRTPass:
    """A function from rows to features that runs one interpreter in each of several threads, row by row.

    Two interpreters of one thread each and batches of one row ran a MobileNetV2 at 850 images/s on two cores; one
    interpreter of two threads at 640 to 730, whatever the batch from 1 to 32. A large model gets fewer interpreters,
    each with more threads, because each holds the weights.

    Args:
        model: Functional model with one input and one output.
        file: Path of the converted model; it is converted and written where there is none.

    Raises:
        Exception: Whatever the converter or the interpreter raises.
    """

    def __init__(self, model, file):
        if not file.exists():
            content = convert_frozen(model)
            with replacing_file(file) as temporary:
                temporary.write_bytes(content)
        content = file.read_bytes()
        cores = os.cpu_count()
        self.interpreters = max(1, min(cores, MOST_BYTES // len(content)))
        with quiet_stderr():
            self._runs = [
                Interpreter(model_content=content, num_threads=max(1, cores // self.interpreters))
                for _ in range(self.interpreters)
            ]
            for interpreter in self._runs:
                interpreter.allocate_tensors()

    def __call__(self, rows):
        """Returns the features of the rows."""
        source, result = self._runs[0].get_input_details()[0], self._runs[0].get_output_details()[0]
        features = np.empty((len(rows), *result["shape"][1:]), result["dtype"])

        def run(number):
            interpreter = self._runs[number]
            for index in range(number, len(rows), self.interpreters):
                interpreter.set_tensor(source["index"], rows[index : index + 1].astype(source["dtype"]))
                interpreter.invoke()
                features[index] = interpreter.get_tensor(result["index"])[0]

        with ThreadPoolExecutor(self.interpreters) as threads:
            list(threads.map(run, range(self.interpreters)))
        return features.astype("float32") if features.dtype.kind == "f" else features


def convert_frozen(model) -> bytes:
    """Returns a LiteRT float32 model of builtin operators that takes one row.

    It freezes the variables in memory. `tlkeras.export.to_litert` goes through a SavedModel on disk, which names the
    layer of an operator that LiteRT lacks, and takes three times as long (13 s for 4 s on a hub MobileNetV2).
    """
    tensor = model.inputs[0]
    signature = [tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype)]
    forward = tf.function(lambda rows: model(rows, training=False), input_signature=signature, autograph=False)
    with quiet_stderr():
        frozen = convert_variables_to_constants_v2(forward.get_concrete_function())
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()

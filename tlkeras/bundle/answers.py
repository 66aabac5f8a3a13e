"""Every file of a bundle, run by its own runtime and compared with the answers that are stored beside it."""

import importlib.util
from pathlib import Path

import numpy as np

from tlkeras.export.contents import open_litert
from tlkeras.export.onnx_file import run_onnx
from tlkeras.export.reference import FLOAT_BOUND, compare
from tlkeras.export.run import run_litert
from tlkeras.export.savedmodel import run_saved_model
from tlkeras.layers.hub_graph import host_ops, parse_saved_model

ROOM = 1.5  # another processor may round otherwise: so many times the difference that was found when it was written


def not_run(path: Path) -> str:
    """Return why a file is not run here, or "" where it is.

    Args:
        path: The file, or the directory of a SavedModel.
    """
    if path.suffix in (".c", ".h"):
        return "C source, which TensorFlow Lite Micro runs"
    if path.suffix == ".onnx" and importlib.util.find_spec("onnxruntime") is None:
        return 'ONNX Runtime is not installed: pip install "tlkeras[onnx]"'
    if path.is_dir():
        graph = (path / "saved_model.pb").read_bytes()
        touching = host_ops(parse_saved_model(graph, str(path)))
        return f"it touches the host: {', '.join(touching)}" if touching else ""
    return ""


def answers_of(path: Path, inputs: np.ndarray) -> np.ndarray:
    """Return what a file answers, `(n, classes)`.

    Args:
        path: A `.tflite` or `.onnx` file, or the directory of a SavedModel.
        inputs: The stored inputs, in the model's own type.
    """
    if path.suffix == ".tflite":
        infer = "infer" in open_litert(path).get_signature_list()  # one that learns on the device
        return _infer(path, inputs) if infer else run_litert(path, inputs)
    return run_onnx(path, inputs) if path.suffix == ".onnx" else run_saved_model(path, inputs)


def _infer(path: Path, inputs: np.ndarray) -> np.ndarray:
    run = open_litert(path).get_signature_runner("infer")
    return np.concatenate([run(x=row[np.newaxis])["output"] for row in inputs])


def measured(found: np.ndarray, answers: np.ndarray) -> dict:
    """Return `stored_agreement` and `stored_max_abs_diff` of a file on the stored inputs.

    Args:
        found: What the file answers.
        answers: What the model answered.
    """
    agreement, difference, _ = compare(answers, found)
    return {"stored_agreement": agreement, "stored_max_abs_diff": difference}


def departure(found: np.ndarray, answers: np.ndarray, record: dict) -> str:
    """Return in what a file is worse than when it was written, or "".

    One sample may turn, and the largest difference grow by half and 0.1 % of the largest answer: another processor
    adds in another order.

    Args:
        found: What the file answers.
        answers: What the model answered.
        record: What `measured` returned when the file was written.
    """
    if found.shape != answers.shape or not np.isfinite(found).all():
        return f"answers of the shape {found.shape}, finite: {np.isfinite(found).all()}; stored are {answers.shape}"
    now = measured(found, answers)
    least = record["stored_agreement"] - 1 / len(answers)
    most = ROOM * record["stored_max_abs_diff"] + FLOAT_BOUND * max(1.0, float(np.abs(answers).max()))
    if now["stored_agreement"] < least or now["stored_max_abs_diff"] > most:
        return (
            f"agreement {now['stored_agreement']:.4f} and largest difference {now['stored_max_abs_diff']:.4g}; "
            f"written with {record['stored_agreement']:.4f} and {record['stored_max_abs_diff']:.4g}"
        )
    return ""

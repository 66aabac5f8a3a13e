"""What a trained model scores, and its files for the device."""

import numpy as np

from recipes.common.problems import CLASSIFICATION
from tlkeras import export


def accuracy(model, images, labels):
    """Returns the share of images classified rightly."""
    return float((model.predict(images, batch_size=599, verbose=0).argmax(axis=1) == labels).mean())


def scores(model, history, select, scored, problem=CLASSIFICATION):
    """Returns last, selected and oracle figure of one row; selecting used no target label, the oracle did.

    Args:
        model: The trained model.
        history: `{series: values}` of its training.
        select: The `SelectEpoch` of its training.
        scored: Inputs and labels of the target.
        problem: `recipes.common.problems.Problem`.
    """
    inputs, labels = scored
    weights, name = model.get_weights(), f"target_{problem.measure}"
    last = problem.figure(model.predict(inputs, batch_size=512, verbose=0), labels)
    model.set_weights(select.best_weights)
    selected = problem.figure(model.predict(inputs, batch_size=512, verbose=0), labels)
    model.set_weights(weights)
    return {
        f"{name}_last": last,
        f"{name}_selected": selected,
        "selected_by": problem.validator,
        f"{name}_oracle": problem.best(history[f"val_{problem.measure}"]),
    }


def export_all(model, target, folder, seed, min_agreement):
    """Writes SavedModel and LiteRT files and returns what running them showed, int8 last."""
    export.to_saved_model(model, folder / "saved_model")
    order = np.random.default_rng(seed).permutation(len(target))
    calibration, samples = target[order[:200]], target[order[200:1200]]
    plain = export.export_litert(model, folder / "model_float32.tflite", samples=samples, min_agreement=0.999)
    int8 = export.export_litert(
        model, folder / "model_int8.tflite", samples=samples, quantize="int8", calibration=calibration,
        min_agreement=min_agreement,
    )  # fmt: skip
    return [plain, {**int8, "calibration_rows": order[:200], "sample_rows": order[200:1200]}]


def fingerprint(model):
    """Returns the hash of the SavedModel inside, or None for a network from scratch."""
    return next((layer.fingerprint for layer in model.layers if hasattr(layer, "fingerprint")), None)

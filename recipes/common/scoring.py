"""What a trained model scores, and its files for the device."""

import numpy as np

from tlkeras import export


def accuracy(model, images, labels):
    """Returns the share of images classified rightly."""
    return float((model.predict(images, batch_size=599, verbose=0).argmax(axis=1) == labels).mean())


def scores(model, history, select, scored):
    """Returns last, selected and oracle accuracy of one row; selecting used no target label, the oracle did."""
    last, weights = accuracy(model, *scored), model.get_weights()
    model.set_weights(select.best_weights)
    selected = accuracy(model, *scored)
    model.set_weights(weights)
    return {
        "target_accuracy_last": last,
        "target_accuracy_selected": selected,
        "selected_by": "information_maximization",
        "target_accuracy_oracle": max(history["val_accuracy"]),
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

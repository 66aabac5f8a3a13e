"""The files of a trained model for a device."""

from tlkeras import export

SAMPLES = 200


def device_files(model, folder, samples, calibration=None):
    """Writes SavedModel and LiteRT files, runs the latter, and returns what that showed, int8 last.

    Args:
        model: The inference model.
        folder: `pathlib.Path` to write into.
        samples: As in `litert_files`.
        calibration: As in `litert_files`.
    """
    export.to_saved_model(model, folder / "saved_model")
    return litert_files(model, folder, samples, calibration)


def litert_files(model, folder, samples, calibration=None, *, value_range=(0, 255), max_drop=None):
    """Writes LiteRT files, runs them, and returns what that showed, int8 last.

    What cannot be converted, or does not agree with the Keras model, is not written; its record says why.

    Args:
        model: The inference model.
        folder: `pathlib.Path` to write into.
        samples: Inputs to compare the files with the model on.
        calibration: Inputs that set the ranges of the int8 file; None for no such file.
        value_range: As in `tlkeras.export.export_litert`.
        max_drop: As there, of the int8 file.
    """
    kinds = {"float32": {"min_agreement": 0.99}}
    if calibration is not None:
        kinds["int8"] = {"quantize": "int8", "calibration": calibration, "min_agreement": 0.5, "max_drop": max_drop}
    rows = []
    for kind, how in kinds.items():
        path = folder / f"model_{kind}.tflite"
        try:
            rows.append(export.export_litert(model, path, samples=samples, value_range=value_range, **how))
        except (export.ConversionError, export.ExportMismatch) as error:  # what was trained is not lost for that
            print(f"no {path.name}: {error}")
            rows.append({"path": str(path), "failed": str(error)})
    return rows

"""Every file of one model, into one directory: SavedModel, LiteRT, ONNX, C source."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from tlkeras.export.c_source import to_c_source
from tlkeras.export.names import INT8, planned, stem
from tlkeras.export.on_device import write_trainable
from tlkeras.export.on_device_parts import parts_of
from tlkeras.export.onnx_file import check_installed, write_onnx
from tlkeras.export.reference import reference
from tlkeras.export.representative import representative_rows
from tlkeras.export.samples import single_input
from tlkeras.export.savedmodel import inference_model, to_saved_model
from tlkeras.export.switch import replacing_files
from tlkeras.export.text_input import TextInput, text_input
from tlkeras.export.verify import write_litert, write_saved_model

IN_C = ("none", *INT8)  # what TensorFlow Lite Micro runs
RANDOM_INPUTS = 64


def export_files(
    model, directory: str | os.PathLike, *, formats=("savedmodel", "litert"), quantizations=("none",), samples=None,
    labels=None, min_agreement: float = 0.98, max_drop: float | None = None, value_range=(0, 255), also=None,
) -> list[dict]:  # fmt: skip
    """Write `saved_model/`, `model_float32.tflite`, `model.onnx`, `model_float32.c` and so on, as they are asked for.

    Every file but C source is run by its own runtime and compared with the model. Of the samples, 100 (at most half)
    are drawn to calibrate int8, as many of every class that the model predicts as there are; the others verify.
    Without samples the files are verified on 64 random inputs; a lone SavedModel whose inputs cannot be drawn (open
    shapes, a text embedding) is written as it is. C source is that of the LiteRT files.

    Of a model that reads texts the SavedModel does, too. The other files begin where its numbers do, `begins_at`: at
    the output of the layer `tokens` of `tlkeras.backbones.from_texts`, and `tokens.json` and `tokenize_text.py` beside
    them make those word numbers of a text; or at the vector of a text embedding from a hub, which is not in the file.

    The files replace older ones of their names together, when all are done: after an error, and when the process is
    killed, the directory has all the old ones or all the new ones. Whatever else is there stays.

    Args:
        model: A `keras.Model` or a `TransferModel`.
        directory: Where to write. Missing parents are made.
        formats: Of "savedmodel", "litert", "onnx", "c" and "trainable" (`model_trainable.tflite`, whose head learns on
            the device, as `to_trainable_litert` writes it).
        quantizations: Of "none", "float16", "dynamic", "int8", "int8_float_io" and "int8_integer_io", for LiteRT, as
            in `to_litert`.
        samples: Array `(n >= 2, *input_shape)` in the model's own form, texts for one that reads texts, of where the
            files will be used; int8 needs them.
        labels: Integers `(n,)`, the classes of the samples, or None; `{output: labels}` where the model returns a dict.
        min_agreement: As in `export_litert`.
        max_drop: As in `export_litert`; of float files as well.
        value_range: As in `to_litert`.
        also: Function of a directory and of what is returned here, which writes what belongs to these files there, or
            None.

    Returns:
        One dict a file: `path`, and what `export_litert`, `to_onnx`, `to_c_source` and `to_trainable_litert` return of
        it; `verified_on`, and where samples are given `calibration_rows` and `sample_rows`; `begins_at` where it does
        not take the model's texts.

    Raises:
        ValueError: If a format or a quantisation is unknown, C source is asked for without LiteRT or of what Micro
            does not run; or as in `export_litert`.
        ConversionError: If an operation has no LiteRT builtin, no place in ONNX or no kernel in Micro.
        ExportMismatch: If a file does not give the model's answers.
        OSError: If the directory cannot be written to, or has something of another kind under one of the names.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> [row["verified_on"] for row in export_files(model, "exported", formats=("litert",))]
        ['random inputs']
    """
    names = planned(formats, quantizations)
    _check(formats, quantizations, samples, labels)
    text = text_input(inference_model(model))
    if text and set(formats) != {"savedmodel"}:
        text.check_above()
    if "onnx" in formats:
        check_installed()
    bounds = {"labels": labels, "min_agreement": min_agreement, "max_drop": max_drop}
    of_text = text.names if text and set(formats) != {"savedmodel"} else []
    with replacing_files(directory, [*names, *of_text]) as temporary:
        files = _written(model, temporary, formats, quantizations, samples, bounds, value_range)
        files = [{**row, "path": os.path.join(directory, os.path.relpath(row["path"], temporary))} for row in files]
        if also is not None:
            also(temporary, files)
    return files


def _written(model, directory: Path, formats, quantizations, samples, bounds: dict, value_range) -> list[dict]:
    drawn, rows, text, served = samples is None, {}, text_input(inference_model(model)), model
    if text:
        texts, samples = _texts(text, samples, formats)
        model, value_range = text.above, None
    elif drawn:
        samples = _random_inputs(model, value_range, formats)
    if samples is None:
        return [{"path": str(to_saved_model(served, directory / "saved_model")), "verified_on": "nothing"}]
    if "onnx" in formats:
        single_input(inference_model(model))
    if "trainable" in formats:
        parts_of(inference_model(model), "head")
    whole = reference(model, samples, **bounds, value_range=value_range)
    if "litert" in formats and set(quantizations) - {"none"}:
        whole.check_classes()
    if not drawn:
        calibrating = representative_rows(whole.answers)
        rows = {"calibration_rows": calibrating, "sample_rows": np.delete(np.arange(len(samples)), calibrating)}
    facts = {"verified_on": "random inputs" if drawn else "samples that did not calibrate", **rows}
    expected = whole if drawn else whole.at(rows["sample_rows"])
    calibration = None if drawn else whole.samples[rows["calibration_rows"]]
    files = []
    if "savedmodel" in formats:
        asked = texts[rows.get("sample_rows", slice(None))] if text else expected.samples
        same = dataclasses.replace(expected, samples=asked)
        files.append({**write_saved_model(served, directory / "saved_model", same), **facts})
    if text and set(formats) != {"savedmodel"}:
        text.write(directory)
        facts["begins_at"] = text.begins_at
    for name in quantizations if "litert" in formats else ():
        how = {"quantize": None if name == "none" else name, "calibration": calibration, "value_range": value_range}
        files.append({**write_litert(model, directory / f"{stem(name)}.tflite", expected, **how), **facts})
    if "onnx" in formats:
        files.append({**write_onnx(model, directory / "model.onnx", expected), **facts})
    for name in quantizations if "c" in formats else ():
        source = to_c_source(directory / f"{stem(name)}.tflite", directory, name=stem(name))
        files.append({name: source[name] for name in ("path", "bytes", "arena_bytes")})
    if "trainable" in formats:
        files.append({**write_trainable(model, directory / "model_trainable.tflite", expected), **facts})
    return files


def _check(formats, quantizations, samples, labels) -> None:
    if "c" in formats and ("litert" not in formats or not set(quantizations) <= set(IN_C)):
        raise ValueError(
            f"C source is made of LiteRT files of none or int8: ask for the format litert too, and for no other "
            f"quantisation. Received: {','.join(formats)} of {','.join(quantizations)}"
        )
    if samples is None and set(INT8) & set(quantizations) and "litert" in formats:
        raise ValueError("int8 needs representative inputs: pass `samples`. Received: None")
    if samples is None and labels is not None:
        raise ValueError("`labels` need `samples`, whose classes they are. Received: samples=None")


def _texts(text: TextInput, samples, formats) -> tuple:
    """Return texts and the numbers that are made of them, or twice None where there are none."""
    texts = text.made_up() if samples is None else text.checked(samples)
    if texts is None and set(formats) != {"savedmodel"}:
        raise ValueError(
            "`samples` must be given, texts such as the model will see: what words the layer "
            f"{text.begins_at!r} knows cannot be read, so none can be drawn. Received: None"
        )
    return texts, None if texts is None else text.numbers(texts)


def _random_inputs(model, value_range, formats) -> np.ndarray | None:
    try:
        tensor = single_input(inference_model(model), named_outputs=True)
        if value_range is None and "float" not in tensor.dtype:
            raise ValueError(
                "`samples` must be given for integer inputs without a `value_range`: none can be drawn. "
                f"Received: dtype={tensor.dtype}"
            )
    except ValueError:
        if set(formats) == {"savedmodel"}:
            return None
        raise
    low, high = value_range or (-1, 1)
    return np.random.default_rng(0).uniform(low, high, (RANDOM_INPUTS, *tensor.shape[1:])).astype("float32")

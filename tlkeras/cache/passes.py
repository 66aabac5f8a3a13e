"""How the rows go through the frozen part: as Keras runs it, or through LiteRT where that is faster and equal."""

import time

import keras
import numpy as np

from tlkeras.cache.progress import say

BATCH = 32
SAMPLE = 32  # rows on which the two passes are compared
# Converting a MobileNetV2 takes 2 s (Keras application) to 4 s (hub SavedModel) on two cores.
WORTH_SECONDS = 8.0
SMALLEST_COSINE = 0.99999
LARGEST_DIFFERENCE = 1e-3  # as a share of the largest feature; LiteRT float32 gave 4e-6, its int8 a cosine of 0.98


def choose_pass(model, sample, rows: int, file):
    """Returns the function from rows to features that gets through first, and prints which it is.

    LiteRT float32 runs on a CPU with the TensorFlow backend. It is taken when Keras would need more than 8 s, or the
    model was converted before, and only when it gives the features of Keras on the sample: a cosine of at least
    0.99999 in every row, and no difference above 0.001 of the largest feature.

    Args:
        model: Functional model with one input and one output.
        sample: Some rows.
        rows: Number of rows to come.
        file: Path of the converted model, written when it is not there.

    Raises:
        ValueError: If the model gives other features for the same rows the second time.
    """
    plain = keras_pass(model)
    expected = plain(sample)
    start = time.perf_counter()
    again = plain(sample)
    seconds = (time.perf_counter() - start) / len(sample) * rows
    if _closeness(expected, again)[1] > LARGEST_DIFFERENCE:
        raise ValueError(
            "`model` must give the same features for the same rows: take random layers out of it (for augmented rows "
            f"there are `copies` and `augment`). Received: model {model.name!r}"
        )
    reason = _unsuitable(model)
    if not reason and seconds < WORTH_SECONDS and not file.exists():
        reason = f"{rows} rows take {seconds:.1f} s, too short to convert the model for"
    if reason:
        say(f"computed by Keras ({keras.backend.backend()}): {reason}")
        return plain
    try:
        from tlkeras.cache.litert_pass import LiteRTPass  # lazy: needs TensorFlow

        fast = LiteRTPass(model, file)
        cosine, difference = _closeness(expected, fast(sample))
    except Exception as error:  # the converter raises its own class, RuntimeError or ValueError; ImportError is one too
        say(f"computed by Keras, LiteRT cannot run this model: {type(error).__name__}: {str(error)[:200]}")
        return plain
    found = f"cosine {cosine:.6f}, largest difference {difference:.1e} of the largest feature, on {len(sample)} rows"
    if not (cosine >= SMALLEST_COSINE and difference <= LARGEST_DIFFERENCE):
        say(f"computed by Keras, LiteRT gives other features: {found}")
        return plain
    say(f"computed by LiteRT float32, {fast.interpreters} interpreters; against Keras: {found}")
    return fast


def keras_pass(model):
    """Returns a function from rows to features that runs the model as Keras does, in inference mode."""
    if keras.backend.backend() == "tensorflow":
        from tlkeras.cache.tensorflow_pass import forward_of  # lazy: this file also runs without TensorFlow

        forward = forward_of(model)
    else:
        inner = keras.Model(model.inputs[0], model.outputs[0])  # predicts without touching how `model` was compiled
        inner.compile()
        forward = inner.predict_on_batch
    dtype = model.inputs[0].dtype

    def run(rows):
        batches = (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
        return np.concatenate([as_stored(forward(_cast(batch, dtype))) for batch in batches])

    return run


def as_stored(features):
    """Returns features as they are stored: floating ones as float32."""
    dtype = keras.backend.standardize_dtype(features.dtype)
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(features, "float32") if "float" in dtype else features))


def _cast(rows, dtype):
    return rows if dtype == "string" else np.asarray(rows, dtype)


def _unsuitable(model) -> str | None:
    if keras.backend.backend() != "tensorflow":
        return "LiteRT needs the TensorFlow backend"
    if keras.distribution.list_devices("gpu"):
        return "there is a GPU"
    if model.inputs[0].dtype == "string":
        return "LiteRT reads no text"
    return None


def _closeness(expected, found) -> tuple:
    """Returns the smallest cosine of two equal rows, and the largest difference as a share of the largest value."""
    expected, found = (np.asarray(values, "float64").reshape(len(values), -1) for values in (expected, found))
    if expected.shape != found.shape:
        return -1.0, np.inf
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(found, axis=1)
    cosines = np.where(lengths == 0, 1.0, (expected * found).sum(axis=1) / np.where(lengths == 0, 1.0, lengths))
    return float(cosines.min()), float(np.abs(expected - found).max() / max(np.abs(expected).max(), 1e-30))

"""Inputs that travel with a bundle, with the model's answers to them."""

import numpy as np

MOST_ROWS, MOST_BYTES = 64, 4 * 2**20  # more tell no more about whether a file still is what it was


def stored_inputs(model, samples, verified_rows, value_range) -> np.ndarray:
    """Return the inputs to store: some of those that verified the files, or random ones where there are no samples.

    Args:
        model: The inference model.
        samples: As `tlkeras.export.export_files` takes them. None for random inputs.
        verified_rows: Indices of the samples that did not calibrate.
        value_range: As in `export_files`.
    """
    shape = tuple(int(side) for side in model.inputs[0].shape[1:])
    if samples is None:
        low, high = value_range or (-1, 1)
        rows = np.random.default_rng(0).uniform(low, high, (MOST_ROWS, *shape)).astype("float32")
    else:
        rows = np.asarray(samples)[verified_rows]
    count = min(len(rows), MOST_ROWS, max(2, MOST_BYTES // rows[0].nbytes))
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]

"""Augmented copies of the rows, the same ones in every run."""

import hashlib
import inspect

import keras
import numpy as np

from tlkeras.backbones.fingerprints import digest_layer


class Augmentation:
    """Augments chunk after chunk; what is drawn depends on the layer's config and the number of the chunk alone.

    Args:
        augment: A Keras layer, run as in training; or a function of `(rows, seed)` whose attribute
            `fingerprint` is a text that changes when the function does.
        copies: How many augmented copies of each row.

    Raises:
        ValueError: If one of the two is given without the other, or `copies` is below 1.
        TypeError: If `augment` is neither.
    """

    def __init__(self, augment, copies):
        if (augment is None) != (copies is None) or (copies is not None and (copies != int(copies) or copies < 1)):
            raise ValueError(
                "`copies` (an integer >= 1) and `augment` must be given together: cached features are computed once, "
                f"so augmentation needs a number of copies. Received: copies={copies}, augment={augment}"
            )
        self.copies, self._augment = copies or 1, augment
        self._is_layer = isinstance(augment, keras.layers.Layer)
        if augment is None:
            self.fingerprint = "none"
        elif self._is_layer:
            self.fingerprint = " ".join(digest_layer(step) for step in _steps(augment))
        elif callable(augment) and isinstance(getattr(augment, "fingerprint", None), str):
            self.fingerprint = augment.fingerprint
        else:
            raise TypeError(
                "`augment` must be a Keras layer, or a function of (rows, seed) with an attribute `fingerprint`, a "
                f"text that changes when the function does: its code cannot be hashed. Received: {augment!r}"
            )

    def __call__(self, rows, number: int):
        """Returns the augmented rows.

        Args:
            rows: Array.
            number: Number of the chunk among the chunks of all copies.

        Raises:
            ValueError: If the rows came back with another shape.
        """
        if self._augment is None:
            return rows
        seed = int.from_bytes(hashlib.sha256(f"{self.fingerprint} {number}".encode()).digest()[:4], "big") >> 1
        found = np.asarray(self._run_layer(rows, seed) if self._is_layer else self._augment(rows, seed))
        if found.shape != rows.shape:
            raise ValueError(f"`augment` must keep the shape of the rows, {rows.shape}. Received: {found.shape}")
        return found

    def _run_layer(self, rows, seed):
        rows = keras.ops.convert_to_tensor(np.asarray(rows, "float32"))
        training = {"training": True} if "training" in inspect.signature(self._augment.call).parameters else {}
        states = [v for v in self._augment.variables if v.path.endswith("seed_generator_state")]
        before = [keras.ops.convert_to_numpy(state) for state in states]
        for index, state in enumerate(states):
            state.assign(np.array([seed, index], before[index].dtype))
        try:
            return keras.ops.convert_to_numpy(self._augment(rows, **training))
        finally:
            for state, value in zip(states, before, strict=True):
                state.assign(value)


def _steps(layer) -> list:
    """Returns the layers of a Sequential; itself it has another config once it was called."""
    if not isinstance(layer, keras.Sequential):
        return [layer]
    return [step for part in layer.layers for step in _steps(part)]

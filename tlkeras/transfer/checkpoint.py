"""A training run that survives being stopped."""

import json
import os
import pathlib
import warnings

import keras
import numpy as np


class Checkpoint(keras.callbacks.Callback):
    """Writes weights, optimizer and history after every epoch; a stopped run goes on where its last epoch ended.

    The states of random layers such as `Dropout`, which Keras 3.15 leaves out of a weights file, are written with the
    history, so that any model goes on with the same draws. The history file is replaced last and in one move, and
    names the weights that belong to it: whatever moment a run is killed at, the folder holds one complete state. Works
    for any compiled Keras model that is built.

    Args:
        directory: Folder of this run alone; created when absent.

    Attributes:
        history: `{name: [value of each epoch]}` over all parts of the run.

    Raises:
        ValueError: In `restore`, if the folder's state does not fit the model; in `fit`, if the model was given
            low-rank updates (`tlkeras.surgery.lora`).

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> checkpoint = Checkpoint(tempfile.mkdtemp())
        >>> first = checkpoint.restore(model)
        >>> _ = model.fit(np.ones((4, 2)), np.ones(4), initial_epoch=first, verbose=0, callbacks=[checkpoint])
        >>> checkpoint.restore(model)
        1
    """

    def __init__(self, directory):
        super().__init__()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.history = {}

    @property
    def _state(self):
        return self.directory / "state.json"

    @property
    def epochs(self) -> int:
        """How many epochs the folder's state has done."""
        return json.loads(self._state.read_text(encoding="utf-8"))["epochs"] if self._state.exists() else 0

    def restore(self, model):
        """Loads the last complete epoch into `model`, a compiled model, and returns how many epochs are done."""
        if not self._state.exists():
            return 0
        state = json.loads(self._state.read_text(encoding="utf-8"))
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Keras only warns when it leaves an optimizer unrestored
                model.load_weights(self.directory / state["weights"])
            for variable, value in zip(_random_states(model), state["random"], strict=True):
                variable.assign(np.array(value))
        except (ValueError, KeyError, OSError, UserWarning) as error:
            raise ValueError(
                f"The state in `directory` does not fit this model; resume with the flags that the run was started "
                f"with, or start anew in another folder. Received: directory={self.directory}, {error}"
            ) from error
        self.history = state["history"]
        return state["epochs"]

    def on_train_begin(self, logs=None):
        """Raises a ValueError if the model holds low-rank updates, which no file of weights keeps apart."""
        self._done = 0
        adapted = [layer.name for layer in self.model._flatten_layers() if getattr(layer, "lora_enabled", False)]
        if adapted:
            raise ValueError(
                "Keras adds a low-rank update to its kernel when it saves, so that no epoch of it can be taken up "
                f"again: train without a checkpoint. Received: {len(adapted)} layers with `enable_lora`, {adapted[:3]}"
            )

    def on_epoch_end(self, epoch, logs=None):
        """Writes the state after this epoch."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        self._done = epoch + 1
        self._write(f"epoch_{self._done:04d}.weights.h5")

    def on_train_end(self, logs=None):
        """Writes the state again: `EarlyStopping` may have put back the best weights, an optimizer its averages."""
        if self._done:
            self._write(f"epoch_{self._done:04d}_end.weights.h5")

    def _write(self, weights):
        self.model.save_weights(self.directory / weights, overwrite=True)
        fresh = self.directory / "state.json.new"
        draws = [keras.ops.convert_to_numpy(variable).tolist() for variable in _random_states(self.model)]
        state = {"epochs": self._done, "weights": weights, "random": draws, "history": self.history}
        fresh.write_text(json.dumps(state), encoding="utf-8")
        os.replace(fresh, self._state)
        for old in self.directory.glob("epoch_*.weights.h5"):
            if old.name != weights:
                old.unlink()


def _random_states(model) -> list:
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]

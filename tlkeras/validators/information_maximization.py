"""Information maximisation: a score of target predictions that needs no target label."""

import os
import pathlib

import keras
import numpy as np

from tlkeras import ops


def information_maximization(logits):
    """Scores predictions on the target: `H(mean p) - mean H(p)` with `p = softmax(logits)`; higher is better.

    It needs the logits of the target and nothing else. It rewards confident predictions spread over many classes: 0
    when every prediction is the same, log(classes) when all are certain and the classes balanced. It favours balanced
    classes, so that a target with few classes is scored too low.

    Args:
        logits: Array `(rows, classes)`, before any softmax.

    Returns:
        Float in [0, log classes].

    Raises:
        ValueError: If `logits` is empty or not of rank 2.

    Example:
        >>> round(information_maximization(100.0 * np.eye(3)), 3)
        1.099

    Reference:
        Musgrave, Belongie, Lim: Benchmarking Validation Methods for Unsupervised Domain Adaptation, 2022,
        https://arxiv.org/abs/2208.07360
    """
    logits = np.asarray(logits)
    if logits.ndim != 2 or not len(logits):
        raise ValueError(f"`logits` must be (rows, classes) with at least one row. Received: shape={logits.shape}")
    probabilities = keras.ops.softmax(keras.ops.convert_to_tensor(logits, dtype="float32"), axis=-1)
    return float(ops.information_maximization(probabilities))


class SelectEpoch(keras.callbacks.Callback):
    """Scores the target after every epoch and keeps the weights of the best one, without target labels.

    The score enters the logs as `target_score`, so that it is in `history` and in TensorBoard when this callback comes
    before that one. Ties keep the earlier epoch.

    Args:
        target: Target inputs `(rows, ...)`, an array.
        score: Function from logits `(rows, classes)` to a float, higher is better.
        batch_size: Rows a batch of the prediction.
        path: `.npz` file that holds the selected weights; a run that is resumed reads it and goes on. None for none.

    Attributes:
        best_epoch: Index of the selected epoch, or None before the first.
        best_score: Its score.
        best_weights: Weights of the inference model after it, as `get_weights` gives them.

    Example:
        >>> SelectEpoch(np.zeros((8, 4))).best_epoch is None
        True
    """

    def __init__(self, target, score=information_maximization, batch_size=256, path=None):
        super().__init__()
        self.target = target
        self.score = score
        self.batch_size = batch_size
        self.path = None if path is None else pathlib.Path(path)
        self.best_epoch, self.best_score, self.best_weights = None, -np.inf, None
        if self.path is not None and self.path.exists():
            with np.load(self.path) as saved:
                self.best_epoch, self.best_score = int(saved["epoch"]), float(saved["score"])
                self.best_weights = [saved[f"weight_{index}"] for index in range(len(saved.files) - 2)]

    def on_epoch_end(self, epoch, logs=None):
        """Scores the epoch."""
        model = getattr(self.model, "model", self.model)
        score = float(self.score(model.predict(self.target, batch_size=self.batch_size, verbose=0)))
        if not np.isfinite(score):
            raise ValueError(
                "The score of the target must be finite: the training diverged; lower the learning rate. "
                f"Received: score={score} after epoch {epoch + 1}"
            )
        if logs is not None:
            logs["target_score"] = score
        if score > self.best_score:
            self.best_epoch, self.best_score, self.best_weights = epoch, score, model.get_weights()
            self._write()

    def _write(self):
        if self.path is None:
            return
        fresh = self.path.with_suffix(".new.npz")
        weights = {f"weight_{index}": weight for index, weight in enumerate(self.best_weights)}
        np.savez(fresh, epoch=self.best_epoch, score=self.best_score, **weights)
        os.replace(fresh, self.path)

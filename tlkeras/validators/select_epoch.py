"""The callback that scores epochs without target labels, and keeps the weights of the best."""

import os
import pathlib

import keras
import numpy as np

from tlkeras.data.rows import row_count, take_rows
from tlkeras.surgery import answers_of
from tlkeras.validators.collapse_of import collapse_of
from tlkeras.validators.evidence import Probe
from tlkeras.validators.scores import ALL, check_answers, needs, score

ROWS, BATCH_SIZE = 2000, 512


class SelectEpoch(keras.callbacks.Callback):
    """Scores the target after every epoch and keeps the weights of the best one, without target labels.

    At most 2000 target rows and 2000 source rows are looked at, drawn once. Every score enters the logs by the name of
    its validator, so that it is in `history` and in TensorBoard when this callback comes before that one. An epoch
    whose predictions or features have collapsed is kept only while there is no other, and has `collapsed` 1 in the
    logs. Ties keep the earlier epoch.

    Args:
        target: Target inputs `(rows, ...)`, an array or a dict of arrays by input.
        source: Inputs and labels of source rows that are not trained on; without them only validators that
            look at the target alone can score.
        validator: Name of the validator that selects.
        others: Names of validators that are logged beside it.
        prior: `(classes,)`, the shares of the classes in the target where they are known; by default every class may
            have any share that is not nearly everything.
        path: `.npz` file that holds the selected weights; a run that is resumed reads it and goes on. None for none.

    Attributes:
        best_epoch: Index of the selected epoch, or None before the first.
        best_score: Its score.
        best_collapse: Why it counts as collapsed, in words; empty where it does not.
        best_weights: Weights of the inference model after it, as `get_weights` gives them.

    Raises:
        ValueError: If a validator is unknown, or needs source rows that are not given.

    Example:
        >>> SelectEpoch(np.zeros((8, 4))).best_epoch is None
        True
    """

    def __init__(
        self, target, source=None, *, validator="information_maximization", others=(), prior=None, path=None
    ):  # fmt: skip
        super().__init__()
        self.validator = validator
        self.names = tuple(dict.fromkeys((validator, *others)))
        unknown = [name for name in self.names if name not in ALL]
        if unknown:
            raise ValueError(f"`validator` and `others` must be of {', '.join(ALL)}. Received: {unknown}")
        self._needed = {field for name in self.names for field in needs(name)}
        of_source = sorted(name for name in self.names if any(field.startswith("source") for field in needs(name)))
        if of_source and source is None:
            raise ValueError(f"`source` must be inputs and labels for the validators {of_source}. Received: None")
        self.target = take_rows(target, _sample(row_count(target)))
        rows = None if source is None else _sample(len(source[1]))
        self.source = None if source is None else (take_rows(source[0], rows), np.asarray(source[1])[rows])
        self.prior = prior
        self.path = None if path is None else pathlib.Path(path)
        self.best_epoch, self.best_score, self.best_collapse, self.best_weights = None, -np.inf, (), None
        self._probe = None
        if self.path is not None and self.path.exists():
            self._read()

    def on_train_begin(self, logs=None):
        """Refuses a validator of other answers than the model's.

        Raises:
            ValueError: Naming those that fit.
        """
        check_answers(self.names, answers_of(getattr(self.model, "model", self.model)) or "classes")

    def on_epoch_end(self, epoch, logs=None):
        """Scores the epoch.

        Raises:
            ValueError: If a score is not finite: the training diverged.
        """
        model = getattr(self.model, "model", self.model)
        if self._probe is None:
            mix = "mixed_logits" in self._needed
            self._probe = Probe(model, self.target, self.source, mix=mix, batch_size=BATCH_SIZE)
        evidence = self._probe.evidence()
        if not np.isfinite(evidence.target_logits).all():
            raise ValueError(
                "The outputs on the target must be finite: the training diverged; lower the learning rate. "
                f"Received: {_shares(evidence.target_logits)} after epoch {epoch + 1}"
            )
        scores = {name: score(name, evidence) for name in self.names}
        collapsed = collapse_of(evidence, prior=self.prior)
        if logs is not None:
            logs.update(scores, collapsed=float(bool(collapsed)))
        value = scores[self.validator]
        if self.best_epoch is None or (not collapsed, value) > (not self.best_collapse, self.best_score):
            self.best_epoch, self.best_score, self.best_collapse = epoch, value, collapsed
            self.best_weights = model.get_weights()
            self._write()

    def _read(self):
        with np.load(self.path) as saved:
            self.best_epoch, self.best_score = int(saved["epoch"]), float(saved["score"])
            self.best_collapse = tuple(saved["collapse"].tolist())
            count = sum(name.startswith("weight_") for name in saved.files)
            self.best_weights = [saved[f"weight_{index}"] for index in range(count)]

    def _write(self):
        if self.path is None:
            return
        fresh = self.path.with_suffix(".new.npz")
        weights = {f"weight_{index}": weight for index, weight in enumerate(self.best_weights)}
        facts = {"epoch": self.best_epoch, "score": self.best_score, "collapse": np.array(self.best_collapse, "str")}
        np.savez(fresh, **facts, **weights)
        os.replace(fresh, self.path)


def _sample(rows):
    """Returns at most `ROWS` rows in an order drawn once: neighbours are mixed, whatever the order of the data."""
    return np.random.default_rng(0).permutation(rows)[:ROWS]


def _shares(logits):
    return f"{100 * (1 - np.isfinite(logits).all(axis=1).mean()):.0f} % of the rows are not"

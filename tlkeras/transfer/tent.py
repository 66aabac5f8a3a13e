"""TENT: a model that adapts to the stream it answers."""

import keras
import numpy as np

from tlkeras import ops
from tlkeras.layers.hub_permission import permission_of
from tlkeras.surgery.train_only_norms import train_only_norms


class Tent:
    """Answers batch after batch and, at each, makes BatchNormalization fit it and the answers more certain.

    For every batch the layers are normalised by the batch's own statistics, their scale and offset take one step on
    `mean_i H(softmax(logits_i))`, and the answer is given. Nothing else moves, and the model that was given not at all.

    With `prior` the answer is given with statistics between the batch's and the source's, `(prior * source + rows *
    batch) / (prior + rows)`: a small batch, or one with other class shares than the source had, is otherwise made to
    look like the source in what should tell its classes apart.

    A batch of one row has no statistics: it is answered without adapting, with what the batch before left (the
    source's statistics before the first one). Nothing keeps classes apart: `logs["largest_class"]` goes to 1 where all
    answers become one class; `reset` then starts over.

    Deviation from the paper: the answer is given after the step instead of before it, with the statistics of before.
    Random layers such as `Dropout` act in the adapting pass and not in the answer.

    Attributes:
        model: The adapting copy, an ordinary Keras model to save or export.
        logs: Of the last batch that was adapted to, before the step: its `entropy`, and `largest_class`, the share of
            rows in the class that is predicted most. Empty at the start.

    Args:
        model: Functional `keras.Model` to logits `(batch, classes)` with BatchNormalization layers.
        optimizer: Keras optimizer or its name; the paper uses Adam at 0.001 on small images, and SGD at 0.00025 with
            momentum 0.9 on ImageNet.
        prior: How many rows the source's statistics count as, a number >= 0; 0 is the paper.

    Raises:
        ValueError: If `prior` is negative, the model is not functional, has no BatchNormalization with a scale or an
            offset, or does not end in logits.

    Warns:
        UserWarning: If a layer, such as a `HubLayer`, has BatchNormalization inside, which stays as it is.

    Example:
        >>> inputs = keras.Input((4,))
        >>> norm = keras.layers.BatchNormalization()(inputs)
        >>> stream = Tent(keras.Model(inputs, keras.layers.Dense(3)(norm)))
        >>> [stream.predict_on_batch(np.random.normal(size=(8, 4))).shape for _ in range(2)]
        [(8, 3), (8, 3)]

    Reference:
        Wang, Shelhamer, Liu, Olshausen, Darrell: Tent: Fully Test-Time Adaptation by Entropy Minimization, 2021,
        https://arxiv.org/abs/2006.10726
        Schneider, Rusak, Eck, Bringmann, Brendel, Bethge: Improving robustness against common corruptions by covariate
        shift adaptation, 2020, https://arxiv.org/abs/2006.16971 (`prior`)
    """

    def __init__(self, model, optimizer="adam", *, prior=0):
        _check(model)
        if prior < 0:
            raise ValueError(f"`prior` must be >= 0. Received: prior={prior}")
        self.prior = prior
        with permission_of(model):
            self.model = keras.models.clone_model(model)
        self.model.set_weights(model.get_weights())
        train_only_norms(self.model)
        self._source = []
        for layer in self.model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0  # the averages are then the statistics of the last batch
                for average in (layer.moving_mean, layer.moving_variance):
                    self._source.append((average, np.array(keras.ops.convert_to_numpy(average))))
        self.model.compile(optimizer, _entropy, metrics=[_largest_class])
        self.model.optimizer.build(self.model.trainable_variables)
        self._start = [np.array(keras.ops.convert_to_numpy(variable)) for variable in self._state()]
        self.logs = {}

    def _state(self):
        return self.model.variables + self.model.optimizer.variables

    def predict_on_batch(self, inputs):
        """Adapts to a batch and answers it.

        Args:
            inputs: What the model takes, an array or a structure of arrays `(batch, ...)`.

        Returns:
            Array `(batch, classes)`, the logits.

        Raises:
            ValueError: If the batch is empty or not finite; it would spoil all answers after it.
        """
        arrays = [np.asarray(array) for array in keras.tree.flatten(inputs)]
        rows = len(arrays[0])
        finite = all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f")
        if not rows or not finite:
            raise ValueError(f"`inputs` must have rows, and be finite. Received: {rows} rows, finite={finite}")
        if rows > 1:
            logs = self.model.train_on_batch(inputs, np.zeros(rows), return_dict=True)
            self.logs = {"entropy": logs["loss"], "largest_class": logs["_largest_class"]}
            for average, source in self._source if self.prior else ():
                average.assign((self.prior * source + rows * average) / (self.prior + rows))
        return self.model.predict_on_batch(inputs)

    def reset(self) -> None:
        """Goes back to the model as it was given."""
        for variable, value in zip(self._state(), self._start, strict=True):
            variable.assign(value)
        self.logs = {}


def _check(model):
    if not isinstance(getattr(model, "inputs", None), list):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    ops.check_classes("model.output", model.output)
    activation = getattr(model.layers[-1], "activation", None)
    if activation not in (None, keras.activations.linear):
        raise ValueError(
            "`model` must end in logits, before any softmax. "
            f"Received: activation {keras.activations.serialize(activation)!r}"
        )


def _entropy(unused, logits):
    return ops.entropy(keras.ops.softmax(logits, axis=-1))


def _largest_class(unused, logits):
    return ops.largest_class_share(logits)

"""The learning-rate range test."""

import contextlib
import copy
import random

import keras
import numpy as np

# Keras has no public way to the generator that unseeded `keras.random` calls draw from.
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR

from tlkeras.optimizers.rate_curve import RateCurve
from tlkeras.optimizers.scaled import with_rate

_OWN = {"callbacks", "epochs", "initial_epoch", "validation_data", "validation_split", "verbose"}


def find_lr(model, x, y=None, *, rates=(1e-7, 10.0), steps=100, **fit):
    """Trains for a few steps while the learning rate grows exponentially, and puts everything back.

    It trains with a fresh copy of the model's optimizer, whatever its rate or schedule, so that slots, step and
    schedule of the optimizer itself are never touched; in a `GroupedOptimizer` the ratios of the groups stay. It ends
    early when the loss has risen to four times its start. Afterwards, also after Ctrl-C or an error, the weights, the
    states of random layers and of methods, the metrics, and the random states of Python, NumPy and Keras are what they
    were: training then gives the same bits as without the test. What cannot be put back is a state within the data: a
    generator is used up, a `tf.data` pipeline may shuffle anew, and the epoch of `tlkeras.data.pair` moves on; give
    those a data set of their own. A `PyDataset` is copied, its arrays are not.

    Args:
        model: Compiled, built model: a plain one or a `TransferModel`.
        x: Inputs, or any data set that `fit` takes; it is repeated as often as it takes.
        y: Labels where `x` has none.
        rates: Lowest and highest learning rate.
        steps: Number of batches, >= 10.
        **fit: Arguments of `fit`, such as `batch_size`, `class_weight`, `sample_weight` or `shuffle`.

    Returns:
        `RateCurve` with `rates`, `losses`, `suggestion` and `plot`.

    Raises:
        ValueError: If the model is not compiled or not built, its optimizer has no single rate, an argument is out of
            range, or the first loss is not finite.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
        >>> curve = find_lr(model, x, x[:, :1], steps=40)
        >>> 1e-3 < curve.suggestion < 1
        True

    Reference:
        Smith: Cyclical Learning Rates for Training Neural Networks, 2017, https://arxiv.org/abs/1506.01186
    """
    _check(model, rates, steps, fit)
    data = copy.copy(x) if isinstance(x, keras.utils.PyDataset) else x
    with _put_back(model) as note_random_states:
        sweep = _Sweep(np.geomspace(*rates, steps), note_random_states)
        model.optimizer = _fresh(model.optimizer, float(rates[0]))
        model.train_function, model.steps_per_execution = None, 1
        model.fit(data, y, epochs=steps, callbacks=[sweep], verbose=0, **fit)
    finite = np.isfinite(sweep.losses)
    count = len(finite) if finite.all() else int(np.argmin(finite))
    if count == 0:
        raise ValueError(
            "The first loss is not finite, before any training: look at inputs, labels and the loss. "
            f"Received: losses {sweep.losses[:3]}"
        )
    return RateCurve(sweep.rates[:count], np.asarray(sweep.losses[:count]))


class _Sweep(keras.callbacks.Callback):
    """Sets the rate before each batch and notes the loss of that batch alone."""

    def __init__(self, rates, at_begin):
        super().__init__()
        self.rates, self.losses = rates, []
        self._at_begin, self._running = at_begin, 0.0

    def on_train_begin(self, logs=None):
        self._at_begin()

    def on_train_batch_begin(self, batch, logs=None):
        if hasattr(self.model, "jax_state_sync"):  # on JAX the variables lie in the training state during an epoch
            self.model.jax_state_sync()
        self.model.optimizer.learning_rate = float(self.rates[len(self.losses)])
        self.model.reset_metrics()

    def on_train_batch_end(self, batch, logs=None):
        loss = float(logs["loss"])
        self.losses.append(loss)
        self._running = 0.9 * self._running + 0.1 * loss
        mean = self._running / (1 - 0.9 ** len(self.losses))
        limit = self.losses[0] + 3 * abs(self.losses[0])
        if not np.isfinite(loss) or mean > limit or len(self.losses) == len(self.rates):
            self.model.stop_training = True


@contextlib.contextmanager
def _put_back(model):
    """Restores on leaving what training changes in `model` and in the global random states.

    Yields a function that notes the random states anew. The first `fit` of a model draws a batch to build its metrics,
    and would have done so without the test, too: what counts are the states after that.
    """
    names = ("optimizer", "train_function", "steps_per_execution", "stop_training", "history")
    attributes = {name: getattr(model, name) for name in names if hasattr(model, name)}
    variables = [*model.variables, *(v for metric in model.metrics for v in metric.variables)]
    values = [keras.ops.convert_to_numpy(variable) for variable in variables]
    states = _random_states()
    try:
        yield lambda: states.update(_random_states())
    finally:
        for name in names:
            if name in attributes:
                setattr(model, name, attributes[name])
            elif hasattr(model, name):
                delattr(model, name)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        random.setstate(states["python"])
        np.random.set_state(states["numpy"])
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, states["keras"])
        if states["keras"] is not None:
            states["keras"].state.assign(states["keras_value"])


def _random_states() -> dict:
    generator = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "keras": generator,
        "keras_value": None if generator is None else keras.ops.convert_to_numpy(generator.state),
    }


def _fresh(optimizer, rate):
    """Returns an optimizer of the same arguments at `rate`, without any state."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = _fresh(optimizer.inner_optimizer, rate)
        return keras.optimizers.LossScaleOptimizer(inner, optimizer.initial_scale, optimizer.dynamic_growth_steps)
    if hasattr(optimizer, "with_rate"):
        return optimizer.with_rate(rate)
    return with_rate(optimizer, rate)


def _check(model, rates, steps, fit):
    if not getattr(model, "compiled", False) or model.optimizer is None:
        raise ValueError(
            "`model` must be compiled, and anew after a change of what trains: call `compile` first. "
            f"Received: model={model.name}"
        )
    if not model.built:
        raise ValueError(
            "`model` must be built, so that its weights can be put back: give it a `keras.Input` or call it once. "
            f"Received: model={model.name}"
        )
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if isinstance(optimizer, keras.optimizers.MultiOptimizer) and not hasattr(optimizer, "with_rate"):
        raise ValueError(
            "`model` must be compiled with an optimizer of one rate: use `tlkeras.optimizers.groups`, which keeps the "
            f"ratios between groups, in place of MultiOptimizer. Received: optimizer={optimizer.name}"
        )
    if len(rates) != 2 or not 0 < rates[0] < rates[1] < float("inf"):
        raise ValueError(f"`rates` must be (lowest, highest) with 0 < lowest < highest. Received: rates={rates}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 10:
        raise ValueError(f"`steps` must be an integer >= 10. Received: steps={steps!r}")
    if _OWN & set(fit):
        raise ValueError(f"`find_lr` sets these arguments of `fit` itself. Received: {sorted(_OWN & set(fit))}")

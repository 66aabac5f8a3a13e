"""One optimizer for several groups of variables whose rates keep fixed ratios."""

import re

import keras

from tlkeras.optimizers.scaled import Scaled, rate_of, with_rate

_WRAPPERS = (keras.optimizers.LossScaleOptimizer, keras.optimizers.MultiOptimizer)


@keras.saving.register_keras_serializable("tlkeras")
class GroupedOptimizer(keras.optimizers.MultiOptimizer):
    """Trains each variable at the optimizer's rate times the variable's multiple; usually made by `groups`.

    A copy of `optimizer` runs for each distinct multiple. `learning_rate` is the rate at multiple 1, and setting it
    sets all of them, so that `ReduceLROnPlateau`, `LearningRateScheduler` and `TensorBoard` see one optimizer with one
    rate and the ratios stay. For the same reason `.optimizers` of `MultiOptimizer` is absent here: with it those
    callbacks would give every group the same rate. A schedule is multiplied; its rate cannot be set, as in plain Keras.
    Decoupled weight decay scales with the rate of the group. `global_clipnorm` bounds the norm over one group, not
    over the model; `clipnorm` and `clipvalue` are as in plain Keras.

    Args:
        optimizer: `keras.optimizers.Optimizer` to copy, whose rate is a number or a schedule.
        multiples: `{variable path: number > 0}`; a variable whose path is not listed, letter for letter, has 1.
        name: Name of the optimizer.

    Raises:
        ValueError: If `optimizer` cannot be copied, or a multiple is not positive.

    Example:
        >>> optimizer = GroupedOptimizer(keras.optimizers.SGD(1.0), {"dense/kernel": 0.125})
        >>> optimizer.learning_rate = 0.5
        >>> optimizer.rates
        {1.0: 0.5, 0.125: 0.0625}
    """

    def __init__(self, optimizer, multiples, *, name=None):
        _check(optimizer, multiples)
        rate = rate_of(optimizer)
        paths = {1.0: []}
        for path, multiple in multiples.items():
            paths.setdefault(float(multiple), []).append(path)
        copies = {
            multiple: with_rate(optimizer, _times(rate, multiple), name=f"group_{index}")
            for index, multiple in enumerate(paths)
        }
        # Keras tries an unlisted path against every key as a pattern: one escaped alternation a group is exact.
        patterns = {"|".join(map(re.escape, paths[m])): copy for m, copy in copies.items() if paths[m]}
        chosen = keras.optimizers.OptimizerMap(copies[1.0], patterns)
        super().__init__(chosen, loss_scale_factor=optimizer.loss_scale_factor, name=name)
        self.multiples = dict(multiples)
        self._copies = list(copies.items())

    @property
    def optimizers(self):
        """Raises, so that Keras' callbacks take this for one optimizer with one rate."""
        raise AttributeError("A GroupedOptimizer has one `learning_rate`, and `rates` for those of its groups.")

    @property
    def learning_rate(self):
        """The rate at multiple 1."""
        return self._copies[0][1].learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        for multiple, copy in self._copies:
            copy.learning_rate = value if multiple == 1.0 else multiple * float(value)

    @property
    def rates(self) -> dict:
        """`{multiple: rate now}`."""
        return {multiple: float(keras.ops.convert_to_numpy(copy.learning_rate)) for multiple, copy in self._copies}

    def rate_of(self, variable) -> float:
        """Returns the rate at which `variable` trains now."""
        return self.rates[float(self.multiples.get(variable.path, 1.0))]

    def with_rate(self, rate):
        """Returns a fresh optimizer of the same groups at another rate; it shares no state."""
        return type(self)(with_rate(self._copies[0][1], rate), self.multiples, name=self.name)

    def apply(self, grads, trainable_variables=None):
        """Applies gradients to all variables that this was built for, or to some, which `MultiOptimizer` refuses."""
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        if not self.built:
            self.build(variables)
        for _, copy in self._copies:
            pairs = [pair for pair in zip(grads, variables, strict=True) if self._optimizer_map(pair[1]) is copy]
            if pairs:
                copy.apply(*zip(*pairs, strict=True))
        self.iterations.assign_add(1)

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes variables from weight decay in every group; arguments as in `keras.optimizers.Optimizer`."""
        for _, copy in self._copies:
            copy.exclude_from_weight_decay(var_list, var_names)

    def save_own_variables(self, store):
        """Saves the step; Keras saves the copies as parts of this, and by `MultiOptimizer`'s own way once more."""
        store["0"] = keras.ops.convert_to_numpy(self.iterations)

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        self.iterations.assign(store["0"])

    def get_config(self):
        """Returns the arguments of the optimizer."""
        return {
            "optimizer": keras.saving.serialize_keras_object(self._copies[0][1]),
            "multiples": dict(self.multiples),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Builds the optimizer from `get_config`."""
        optimizer = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects=custom_objects)
        return cls(optimizer, config["multiples"], name=config["name"])


def _times(rate, multiple):
    if multiple == 1.0:
        return rate
    return Scaled(rate, multiple) if callable(rate) else rate * multiple


def _check(optimizer, multiples):
    if isinstance(optimizer, _WRAPPERS) or not isinstance(optimizer, keras.optimizers.Optimizer):
        raise ValueError(
            "`optimizer` must be a plain Keras optimizer such as `keras.optimizers.Adam(1e-3)`; `compile` adds the "
            f"loss scale of mixed precision by itself. Received: optimizer={optimizer!r}"
        )
    if getattr(optimizer, "_exclude_from_weight_decay", None) or getattr(
        optimizer, "_exclude_from_weight_decay_pattern", None
    ):  # Keras keeps these out of the config, so that a copy would lose them
        raise ValueError(
            "`optimizer` excludes variables from weight decay, which its copies would forget: call "
            f"`exclude_from_weight_decay` on the grouped optimizer. Received: optimizer={optimizer.name}"
        )
    wrong = {path: multiple for path, multiple in multiples.items() if not 0 < multiple < float("inf")}
    if wrong:
        raise ValueError(f"`multiples` must be positive; freeze what shall not train. Received: {wrong}")

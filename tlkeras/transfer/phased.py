"""A `TransferModel` whose training step is several updates in turn."""

import keras

from tlkeras.backbones.graph import output_of
from tlkeras.optimizers.grouped_optimizer import GroupedOptimizer
from tlkeras.transfer import schedules
from tlkeras.transfer.batch import Batch
from tlkeras.transfer.transfer_model import TransferModel
from tlkeras.transfer.views import by_view

# TensorFlow is imported only where it is the backend, so that the rest of the package runs without it.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable("tlkeras")
class PhasedModel(TransferModel):
    """Trains like `TransferModel` where a method needs several updates a step, such as `MCD` and `WDGRL`.

    The phases of the one phased method run in order on the same batch, each on a forward pass of its own with a tape
    of its own, and each moves its own variables only. The supervised loss, the terms of all other methods and their
    variables belong to the one supervised phase, and so do `loss` and the metrics in the logs; the term of the phased
    method in the logs is the loss of its last phase, averaged over the repeats. What moves the model is multiplied by
    the method's `weight`; what moves the method alone is not. Without a phased method it is a plain `TransferModel`.

    All phases share the compiled optimizer, slots included. Its `iterations` counts training steps, not updates, so
    that a schedule means the same as elsewhere; the bias correction of Adam therefore counts steps, too, and clipping
    by the global norm sees the variables of one phase. Every forward pass is in training mode: it draws its own
    dropout masks and moves the averages of BatchNormalization, `MCD` six times a step.

    Under `tf.distribute` it trains as `TransferModel` does: the gradients of each phase are means over the replicas.

    Args:
        model: As in `TransferModel`.
        methods: List of `Method`, of which at most one is phased.
        forward: As in `TransferModel`.
        **kwargs: `name`, `dtype`.

    Raises:
        ValueError: If two methods are phased or a method has no single supervised phase; in training, if a phase finds
            nothing trainable, or the optimizer accumulates gradients or is a plain `MultiOptimizer`.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> inputs = keras.Input((4,))
        >>> features = keras.layers.Dense(8, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
        >>> PhasedModel(model, [tlkeras.methods.MCD()]).required_views == {"source", "target"}
        True
    """

    def _check_phases(self):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "PhasedModel needs TensorFlow's gradient tapes; set KERAS_BACKEND=tensorflow before Keras is imported. "
                f"Received: backend {keras.backend.backend()!r}"
            )
        phased = {method.name: method.phases() for method in self.methods if method.phases()}
        if len(phased) > 1:
            raise ValueError(f"At most one method may have phases of its own. Received: {sorted(phased)}")
        for name, phases in phased.items():
            if sum(phase.supervised for phase in phases) != 1:
                raise ValueError(f"Exactly one phase of `{name}` must be supervised. Received: {phases}")

    @property
    def _phased(self):
        return next((method for method in self.methods if method.phases()), None)

    def train_step(self, data):
        """Runs the phases of one step and returns the logs."""
        if self._phased is None:
            return super().train_step(data)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        counters = self._counters()
        before = [keras.ops.copy(counter) for counter in counters]
        step = keras.ops.copy(self.step)
        for phase in self._phased.phases():
            variables = self._moved_by(phase)
            fixed = None if phase.moves_model else self(x, training=True)
            for _ in range(phase.repeats):
                with tf.GradientTape() as tape:
                    y_pred = self(x, training=True) if fixed is None else fixed
                    if phase.supervised:
                        loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
                    else:
                        loss = self._aggregate_additional_loss(self._share(phase, Batch(y_pred, by_view(y), step)))
                    scaled = self.optimizer.scale_loss(loss)
                self.optimizer.apply(tape.gradient(scaled, variables), variables)
                _assign(counters, before)
            if phase.supervised:
                supervised, outputs = loss, y_pred
        _assign(counters, [count + 1 for count in before])
        rows = keras.ops.shape(keras.tree.flatten(x)[0])[0]
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        tracker = next(metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(replicas * supervised, sample_weight=rows)
        return self.compute_metrics(x, y, outputs, sample_weight)

    def _term(self, method, metric, batch, training):
        if not training or method is not self._phased:
            return super()._term(method, metric, batch, training)
        return self._share(next(phase for phase in method.phases() if phase.supervised), batch)

    def _share(self, phase, batch):
        """Returns the method's part of the loss of a phase, and logs it in the last one."""
        views = keras.tree.map_structure(_float32, batch.views)
        loss = phase.loss(batch._replace(views=views), training=True)
        if phase == self._phased.phases()[-1]:
            self.term_metrics[self.methods.index(self._phased)].update_state(loss)
        return schedules.value_at(self._phased.weight, batch.step) * loss if phase.moves_model else loss

    def _moved_by(self, phase):
        own = {id(variable) for variable in self._phased.variables}
        whole = {id(variable) for variable in self.model.variables}
        encoder = {id(variable) for variable in _below(self.model, self._phased.tap)}
        others = {id(variable) for variable in self.variables} - own - whole
        parts = {"encoder": encoder, "head": whole - encoder, "method": own}
        moved = set().union(*(parts[part] for part in phase.moves), others if phase.supervised else ())
        variables = [variable for variable in self.trainable_variables if id(variable) in moved]
        if not variables:
            raise ValueError(
                f"A phase of `{self._phased.name}` moves {' and '.join(phase.moves)}, where nothing is trainable: "
                f"unfreeze it, or pass another `tap=`. Received: tap={self._phased.tap!r}"
            )
        return variables

    def _counters(self):
        """Returns the counters of updates of the optimizer and its parts, once it is built for all variables."""
        optimizer = self.optimizer
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        if isinstance(inner, keras.optimizers.MultiOptimizer) and not isinstance(inner, GroupedOptimizer):
            raise ValueError(
                "A phase moves some of the variables, which MultiOptimizer refuses: use `tlkeras.optimizers.groups`. "
                f"Received: optimizer={inner.name}"
            )
        if not optimizer.built:
            optimizer.build(self.trainable_variables)
        if any(variable.name.endswith("gradient_accumulator") for variable in optimizer.variables):
            raise ValueError(
                "`gradient_accumulation_steps` would mix the gradients of the phases: leave it None. "
                f"Received: optimizer={inner.name}"
            )
        return [variable for variable in optimizer.variables if variable.name == "iteration"]


def _below(model, tap):
    if tap in ("input", "output"):
        return model.variables if tap == "output" else []
    return keras.Model(model.input, output_of(model, tap)).variables


def _float32(tensor):
    is_float = keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
    return keras.ops.cast(tensor, "float32") if is_float else tensor


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)

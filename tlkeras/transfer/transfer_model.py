"""The model that trains an inference model together with a list of methods."""

import keras

from tlkeras.backbones.graph import output_of
from tlkeras.layers.view_scope import view_scope
from tlkeras.surgery.answers import trained_as
from tlkeras.transfer import schedules
from tlkeras.transfer.batch import VIEW_NAME, Batch, is_views
from tlkeras.transfer.distribution import check_strategy
from tlkeras.transfer.views import (
    by_output,
    by_view,
    check_widths,
    joined,
    multiplied,
    nan_where_out_of_range,
    rows_of,
    split,
    supervised,
)


@keras.saving.register_keras_serializable("tlkeras")
class TransferModel(keras.Model):
    """Trains a functional inference model with methods of transfer by plain `compile` and `fit`.

    The loss is the compiled loss on the labelled views plus `sum_i weight_i * method_i(batch)`. The data yields
    `({view: inputs}, labels)` where labels are `{view: labels}`, or a tensor that means `{"source": labels}`, or
    nothing at all (the supervised term is then 0). A model with several outputs returns a dict, `{"digit": ...,
    "parity": ...}`; its labels are such dicts, and so are the losses that it is compiled with. Plain
    inputs are the source view in `fit`, and ordinary inference in `evaluate`, `predict` and a call with
    `training=False`. Each view runs through the model once a step; views that no method reads (other than `source`) do
    not run.

    Made and compiled within `tf.distribute.MirroredStrategy.scope()`, it trains on all replicas: `fit` divides each
    batch of the data among them, and the loss, its terms and the gradients are means over the replicas. Let the batch
    size be a multiple of their number. Where a term is a mean over rows, that is the joint batch; a method on
    statistics of the batch, which its docstring says, takes those of each replica's own rows, and so does
    BatchNormalization without `synchronized=True`. What a method averages over the steps is averaged over the replicas
    too; a queue, and the moving averages of BatchNormalization, are each replica's own, and a file holds those of the
    first. `steps_per_execution > 1`, `jit_compile=True` and several workers, at which Keras 3.15 fails, are refused.

    Args:
        model: Functional `keras.Model`, flat: methods tap its layers by name. No input may be named like a view.
        methods: List of `Method`. An empty list is plain training on the source view.
        forward: `"joint"` runs all views as one concatenated batch (BatchNorm statistics are pooled), `"per_view"`
            one after the other (statistics are each view's own; moving averages see the views in turn).
        **kwargs: `name`, `dtype`.

    Raises:
        ValueError: If the model is not functional, an input is named like a view, two methods share a name,
            `forward` is unknown, a tap is missing, a method does not return a scalar, needs `PhasedModel` or does not
            understand what the model answers (`Method.answers`).

    Example:
        >>> inputs = keras.Input((4,))
        >>> features = keras.layers.Dense(8, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
        >>> TransferModel(model, methods=[]).forward_mode
        'joint'
    """

    def __init__(self, model, methods=(), *, forward="joint", **kwargs):
        super().__init__(**kwargs)
        self.autocast = False
        _check(model, methods, forward)
        self.model = model
        self.methods = list(methods)
        self.forward_mode = forward  # `forward` is a function of every torch module
        self._check_phases()
        self.step = self.add_weight(name="step", shape=(), dtype="int32", initializer="zeros", trainable=False)
        self.term_metrics = [keras.metrics.Mean(name=method.name) for method in self.methods]
        for method in self.methods:
            method.check_answers(model)
            method.resolve_taps(model)
            method.bind(model)
        taps = {tap for method in self.methods for tap in method.taps} - {"input", "output"}
        outputs = {"output": model.output, **{tap: output_of(model, tap) for tap in sorted(taps)}}
        # A bound method is not tracked: the layers are saved and listed once, under `model`.
        self._run = keras.Model(model.input, outputs).__call__
        self.required_views = {view for method in self.methods for view in method.views}
        self._build_methods({"input": model.input, **outputs})
        self.built = True

    def _check_phases(self):
        phased = [method.name for method in self.methods if method.phases()]
        if phased:
            raise ValueError(
                "These methods update the model several times a step, which a TransferModel does not: use "
                f"`tlkeras.transfer.PhasedModel`. Received: methods {phased}"
            )

    def _build_methods(self, tensors):
        specs = keras.tree.map_structure(lambda tensor: keras.KerasTensor(tensor.shape, tensor.dtype), tensors)
        labels = {view: keras.KerasTensor((None,), "int32") for view in self.required_views}
        batch = Batch({view: specs for view in self.required_views}, labels, keras.KerasTensor((), "int32"))
        for method in self.methods:
            term = method(batch, training=True)
            if tuple(term.shape) != ():
                raise ValueError(f"Method `{method.name}` must return a scalar. Received: shape={tuple(term.shape)}")

    def call(self, inputs, training=None):
        """Returns the model's output, or `{view: {"input", "output", tap...}}` for views and for training."""
        views = _views(inputs, training)
        if views is None:
            return self.model(inputs, training=training)
        missing = sorted(self.required_views - set(views))
        if missing:
            readers = sorted(m.name for m in self.methods if set(m.views) & set(missing))
            raise ValueError(
                f"The batch lacks the views {missing} that {readers} read: yield them from the data "
                f"(`tlkeras.data.pair`). Received: views {sorted(views)}"
            )
        views = {view: views[view] for view in views if view in self.required_views | {"source"}}
        if self.forward_mode == "per_view":
            return {view: {"input": x, **self._forward({view: x}, training)} for view, x in views.items()}
        return split(views, self._forward(views, training))

    def _forward(self, views, training):
        with view_scope({view: rows_of(inputs) for view, inputs in views.items()}):
            return self._run(joined(list(views.values())), training=training)

    def compile(self, *args, **kwargs):
        """Configures training as `keras.Model.compile` does.

        Raises:
            ValueError: If a method does not understand the answers that the loss trains.
        """
        super().compile(*args, **kwargs)
        for method in self.methods:
            if self.loss is not None:
                method.check_answers(self.model, self.loss)
        self._compiled_for = {variable.path for variable in self.trainable_variables}

    def compile_from_config(self, config):
        """Compiles the model from `get_compile_config`; Keras only warns where `compile` is overridden."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, *args, **kwargs):
        """Trains as `keras.Model.fit` does.

        Raises:
            ValueError: If other variables are trainable than when the model was compiled; Keras would ignore it. Under
                a strategy of several replicas, what the class docstring says.
        """
        check_strategy(self)
        if self.compiled and self._compiled_for != {variable.path for variable in self.trainable_variables}:
            raise ValueError(
                "Compile the model again, with a new optimizer: since `compile`, layers were frozen or unfrozen, which "
                f"training would ignore. Received: {len(self._compiled_for)} trainable variables when compiled, "
                f"{len(self.trainable_variables)} now"
            )
        return super().fit(*args, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds the metrics from a batch of one replica: Keras averages the replicas', which makes labels floats."""
        if iterator is not None and self.distribute_strategy.num_replicas_in_sync > 1:
            local = self.distribute_strategy.experimental_local_results
            _, _, batches = next(iter(iterator))
            iterator, data_batch = None, keras.tree.map_structure(lambda values: local(values)[0], next(batches))
        super()._maybe_symbolic_build(iterator, data_batch)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the supervised loss plus the weighted terms of the methods, and counts the step."""
        if _views(x, training) is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        batch = Batch(y_pred, by_view(y), keras.ops.convert_to_tensor(self.step))
        weights = self._weighed(batch, by_view(sample_weight))
        if batch.labels:
            labels, outputs, weights = supervised(batch.labels, y_pred, weights)
            parts = by_output(labels, outputs, self.loss)
            for own_labels, output, own_loss in parts:
                check_widths(own_labels, output, trained_as(own_loss, getattr(output, "shape", (None,))[-1]))
            loss = super().compute_loss(x, labels, outputs, weights, training=training)
            for own_labels, output, own_loss in parts:
                loss = nan_where_out_of_range(loss, own_labels, output, getattr(own_loss, "ignore_class", None))
        else:
            loss = sum((self._aggregate_additional_loss(extra) for extra in self.losses), start=keras.ops.zeros(()))
        for method, metric in zip(self.methods, self.term_metrics, strict=True):
            # The optimizer sums gradients over replicas; Keras divides a loss by their number here, as it did above.
            term = self._aggregate_additional_loss(self._term(method, metric, batch, training))
            loss = loss + keras.ops.cast(term, loss.dtype)
        if training:
            for method in self.methods:
                method.update(self.model)
            self.step.assign_add(1)
        return loss

    def _term(self, method, metric, batch, training):
        term = method(batch, training=training)
        metric.update_state(term)
        return schedules.value_at(method.weight, batch.step) * term

    def _weighed(self, batch, weights):
        for method in self.methods:
            factors = method.weigh(batch)
            for view in batch.labels if isinstance(factors, dict) else ["source"]:
                if factors is not None:
                    weights = {**weights, view: multiplied(weights.get(view), factors)}
        return weights

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Returns the compiled metrics on the labelled views and, for a batch of views, the terms of the methods."""
        if is_views(y_pred):
            if not by_view(y):
                return self.get_metrics_result()
            y, y_pred, sample_weight = supervised(by_view(y), y_pred, by_view(sample_weight))
            return super().compute_metrics(x, y, y_pred, sample_weight)
        results = super().compute_metrics(x, y, y_pred, sample_weight)
        terms = {metric.name for metric in self.term_metrics}
        terms |= {metric.name for method in self.methods for metric in method.metrics}
        return {name: result for name, result in results.items() if name not in terms}

    def get_metrics_result(self):
        """Returns all metrics; compiled ones that have never seen a label are left out."""
        results = {}
        for metric in self.metrics:
            if getattr(metric, "built", True):
                result = metric.result()
                for name, value in (result if isinstance(result, dict) else {metric.name: result}).items():
                    results.setdefault(name, value)  # a compiled teacher in a method has a `loss` of its own
        return results

    def _random_states(self):
        return [variable for variable in self.variables if variable.path.endswith("seed_generator_state")]

    def save_own_variables(self, store):
        """Saves the step and the state of every random layer, which Keras 3.15 itself leaves out."""
        store["step"] = self.step
        for index, state in enumerate(self._random_states()):
            store[f"random_{index}"] = state

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        self.step.assign(store["step"])
        for index, state in enumerate(self._random_states()):
            state.assign(store[f"random_{index}"])

    def export(self, filepath, **kwargs):
        """Exports the inference model alone; arguments as in `keras.Model.export`."""
        return self.model.export(filepath, **kwargs)

    def get_config(self):
        """Returns the inference model, the methods and the forward mode."""
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),  # float16 wraps the optimizer when compiled
            "model": serialize(self.model),
            "methods": [serialize(method) for method in self.methods],
            "forward": self.forward_mode,
        }

    @classmethod
    def from_config(cls, config):
        """Builds the model from `get_config`."""
        restore = keras.saving.deserialize_keras_object
        methods = [restore(method) for method in config["methods"]]
        policy = keras.dtype_policies.get(config["dtype"])
        return cls(restore(config["model"]), methods, forward=config["forward"], name=config["name"], dtype=policy)


def _check(model, methods, forward):
    if not isinstance(getattr(model, "inputs", None), list) or not hasattr(model, "output"):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    named = [*(tensor.name for tensor in model.inputs), *(model.output if isinstance(model.output, dict) else ())]
    reserved = [name for name in named if VIEW_NAME.fullmatch(name)]
    if reserved:
        raise ValueError(
            "View names are reserved: rename these inputs (`keras.Input(name=...)`) or outputs of the model. "
            f"Received: {reserved}"
        )
    if isinstance(model.output, list | tuple):
        raise ValueError(
            "A model with several outputs must name them: `keras.Model(inputs, {'digit': digit, 'parity': parity})`. "
            f"Received: a list of {len(model.output)} outputs"
        )
    names = [method.name for method in methods]
    if len(set(names)) < len(names):
        raise ValueError(f"Methods need different names: pass `name=` to one of two alike. Received: {names}")
    if forward not in ("joint", "per_view"):
        raise ValueError(f'`forward` must be "joint" or "per_view". Received: forward={forward!r}')


def _views(inputs, training):
    if is_views(inputs):
        return inputs
    return {"source": inputs} if training else None

"""What every method must satisfy, on any backend: one function a property, each raises AssertionError."""

import dataclasses
import pathlib
import tempfile
import types

import keras
import numpy as np

from tlkeras.surgery import answers_of
from tlkeras.transfer import PhasedModel, TransferModel

FEATURES, CLASSES, ROWS = 4, 3, 16
COMPILES = keras.backend.backend() != "torch"  # Keras hands the step to Dynamo there, which takes minutes a model


@dataclasses.dataclass(frozen=True)
class Case:
    """One line of the common test.

    Args:
        method: Class of the method.
        kwargs: Its arguments. A function is called for its value, so that every model gets layers of its own.
        moves: Layers of the model that the term alone must train; all others must stay.
        equal_views: Value of the term when all views hold the same rows, or None where the method reads one view.
        lower_bound: Whether `equal_views` is only a lower bound there.
        classes: Classes that labels come from; a method may keep one for rows that have no label.
        steps: Steps after which the term has moved all it moves; a queue is empty in the first one.
        frozen: Layers of the model that the method wants frozen.
        head: Name of the model's last layer; `values` makes it a regressor.
    """

    method: type
    kwargs: dict = dataclasses.field(default_factory=dict)
    moves: tuple = ("features",)
    equal_views: float | None = None
    lower_bound: bool = False
    classes: int = CLASSES
    steps: int = 1
    frozen: tuple = ()
    head: str = "logits"

    def transfer(self, *, forward="joint", batch_norm=False, compiled=True, **compile_arguments):
        """Returns a small `TransferModel` (`PhasedModel` where needed) with this method, seeded, with plain SGD."""
        keras.utils.set_random_seed(0)
        inner, method = small_model(batch_norm, self.frozen, self.head), self.made()
        model = (PhasedModel if method.phases() else TransferModel)(inner, [method], forward=forward)
        if compiled:
            compile_model(model, **compile_arguments)
        return model

    def made(self):
        """Returns the method."""
        made = {
            name: value() if isinstance(value, types.FunctionType) else value for name, value in self.kwargs.items()
        }
        return self.method(**made)

    def batches(self, count=1, seed=1):
        """Returns `count` batches `(views, {"source": labels})` with every view that the method reads."""
        random = np.random.default_rng(seed)
        names = sorted({"source", *self.made().views})
        return [
            (
                {
                    name: random.normal(index, 1.0, (ROWS, FEATURES)).astype("float32")
                    for index, name in enumerate(names)
                },
                {"source": random.normal(size=(ROWS, CLASSES)) if self.head == "values"
                 else random.integers(0, self.classes, ROWS)},
            )
            for _ in range(count)
        ]


def small_model(batch_norm=False, frozen=(), head="logits"):
    """Returns a model of 4 inputs and 3 outputs with the layers `features` and `head`; `frozen` names some."""
    inputs = keras.Input((FEATURES,), name="inputs")
    x = keras.layers.Dense(8, activation="tanh", name="features")(inputs)
    if batch_norm:
        x = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, name=head)(x))
    for name in frozen:
        model.get_layer(name).trainable = False
    return model


def compile_model(model, learning_rate=0.1, **arguments):
    """Compiles a model with plain SGD and cross entropy on logits, or the squared error of a regressor."""
    of_values = answers_of(getattr(model, "model", model)) == "values"
    loss = "mse" if of_values else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(learning_rate), loss, **arguments)


def train(model, batches):
    """Returns the loss of every step on `batches`."""
    return np.array([model.train_on_batch(views, labels, return_dict=True)["loss"] for views, labels in batches])


def values(variables):
    """Returns `{path: array}`; two variables of one path would hide each other."""
    found = {variable.path: np.array(keras.ops.convert_to_numpy(variable)) for variable in variables}
    _equal(len(found), len(variables), f"different paths in {sorted(found)}")
    return found


def changed(before, after):
    """Returns the paths whose value differs."""
    return {path for path in before if not np.array_equal(before[path], after[path])}


def check_builds_symbolically(case):
    """The method has all its variables before it has seen any data."""
    model = case.transfer(compiled=False)
    expected = len(model.methods[0].variables)
    train(_compiled(model), case.batches())
    _equal(len(model.methods[0].variables), expected, "variables after a step")


def check_eager_equals_compiled(case):
    """The same losses run eagerly and under XLA, relative tolerance 1e-4."""
    batches = case.batches(3)
    eager = train(case.transfer(run_eagerly=True, jit_compile=False), batches)
    compiled = train(case.transfer(jit_compile=True), batches)
    np.testing.assert_allclose(compiled, eager, rtol=1e-4)


def check_resumes(case):
    """A model saved as `.keras` and loaded again goes on with exactly the same losses."""
    model = case.transfer(jit_compile=COMPILES, learning_rate=0.05)
    train(model, case.batches(2))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "transfer.keras"
        model.save(path)
        restored = keras.models.load_model(path)
    more = case.batches(2, seed=2)
    np.testing.assert_array_equal(train(restored, more), train(model, more))


def check_gradients(case):
    """The term alone moves the layers in `case.moves` and the method's own variables, and nothing else."""
    model = case.transfer()
    before = values(model.trainable_variables)
    for views, labels in case.batches(case.steps):
        model.train_on_batch(views, labels, sample_weight={"source": np.zeros(ROWS)})
    moved = changed(before, values(model.trainable_variables))
    own = {variable.path for variable in model.methods[0].trainable_variables}
    expected = own | {path for path in before if path.split("/")[0] in case.moves}
    # A bias in front of BatchNormalization, or inside a difference of means, has no gradient.
    _equal(
        {path for path in moved if not path.endswith("bias")}, {p for p in expected if not p.endswith("bias")}, "moved"
    )
    if not moved <= expected:
        raise AssertionError(f"The term moved {sorted(moved - expected)}, which it must not.")


def check_weight_zero_is_plain_fit(case):
    """With weight 0 the model's weights equal those of a plain Keras fit on the source, tolerance 1e-6."""
    weightless = dataclasses.replace(case, kwargs={**case.kwargs, "weight": 0.0})
    model = weightless.transfer()
    keras.utils.set_random_seed(0)
    plain = small_model(frozen=case.frozen, head=case.head)
    compile_model(plain)
    for views, labels in case.batches(4):
        model.train_on_batch(views, labels)
        plain.train_on_batch(views["source"], labels["source"])
    for ours, theirs in zip(model.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def check_equal_views(case):
    """The term has its known value when all views hold the same rows."""
    if case.equal_views is None:
        return
    views, labels = case.batches()[0]
    same = {view: views["source"] for view in views}
    term = case.transfer(learning_rate=0.0).train_on_batch(same, labels, return_dict=True)[_name(case)]
    if case.lower_bound:
        np.testing.assert_array_less(case.equal_views - 1e-4, term)
    else:
        np.testing.assert_allclose(term, case.equal_views, atol=1e-4)


def check_half_precision(case, policy):
    """Under `mixed_float16` or `mixed_bfloat16` two steps and the term are finite, and the method stays in float32."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = case.transfer(jit_compile=False)
        before = values(model.model.trainable_variables)
        losses = train(model, case.batches(2))
    finally:
        keras.config.set_dtype_policy(previous)
    _equal(bool(np.isfinite(losses).all()), True, f"finite losses {losses}")
    _equal(changed(before, values(model.model.trainable_variables)), set(before), "variables that moved")
    _equal(model.methods[0].compute_dtype, "float32", "compute dtype of the method")


def check_missing_view_raises(case):
    """Each view that the method reads is demanded by name."""
    for view in case.made().views:
        model = case.transfer()
        views, labels = case.batches()[0]
        rest = {name: rows for name, rows in views.items() if name != view}
        try:
            model.train_on_batch(rest or {"unlabeled": views["source"]}, labels if "source" in rest else None)
        except ValueError as error:
            if view not in str(error):
                raise AssertionError(f"The error does not name the view `{view}`: {error}") from error
        else:
            raise AssertionError(f"A batch without the view `{view}` was accepted.")


def check_evaluate_changes_nothing(case):
    """Evaluating on views or on plain data changes no variable but the metrics."""
    model = case.transfer(batch_norm=True)
    views, labels = case.batches()[0]
    train(model, [(views, labels)])
    before = values(model.variables)
    model.test_on_batch(views, labels)
    model.test_on_batch(views["source"], labels["source"])
    _equal(changed(before, values(model.variables)), set(), "variables changed by evaluation")


def check_only_the_model_ships(case):
    """A saved inference model holds the model's variables and none of the method's."""
    model = case.transfer()
    train(model, case.batches())
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.model.save(path)
        shipped = keras.models.load_model(path).get_weights()
    own = len(model.variables) - len(model.model.variables) - len(model.methods[0].variables)
    _equal(own, 1, "variables of neither the model nor the method (the step)")
    _equal(len(shipped), len(small_model().variables), "shipped variables")
    for saved, trained in zip(shipped, model.model.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, trained)


def check_forward_passes(case, forward):
    """Each phase of a step runs the model once (joint) or once a view, plus the declared `extra_forwards`."""
    model = case.transfer(forward=forward, run_eagerly=True, jit_compile=False)
    layer, calls = model.model.get_layer("features"), []
    original = layer.call
    layer.call = lambda *args, **kwargs: (calls.append(1), original(*args, **kwargs))[1]
    views, labels = case.batches()[0]
    model.train_on_batch(views, labels)
    calls.clear()
    model.train_on_batch(views, labels)
    passes = sum(phase.passes for phase in model.methods[0].phases()) or 1
    passes *= 1 if forward == "joint" else len(views)
    _equal(len(calls), passes + case.method.extra_forwards, "forward passes a step")


def check_steps_per_execution(case):
    """Four steps in one call give the weights of four calls, tolerance 1e-6, and count four steps."""
    results = []
    for steps in (1, 4):
        model = case.transfer(steps_per_execution=steps, jit_compile=False)
        model.fit(_Batches(case.batches(4)), epochs=1, verbose=0, shuffle=False)
        _equal(int(model.step.value), 4, "counted steps")
        results.append(model.model.get_weights())
    for one, four in zip(*results, strict=True):
        np.testing.assert_allclose(four, one, atol=1e-6)


class _Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def _compiled(model):
    compile_model(model)
    return model


def _name(case):
    return case.made().name


def _equal(received, expected, what):
    if received != expected:
        raise AssertionError(f"{what}: expected {expected}. Received: {received}")

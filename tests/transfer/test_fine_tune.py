import functools
import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import tlkeras
from tlkeras import methods, surgery
from tlkeras.data import pair
from tlkeras.optimizers import GroupedOptimizer
from tlkeras.transfer import Stage, TransferModel, fine_tune, gradual_stages

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = np.arange(24) % 3
STAGES = [Stage(0, 2, 0.05), Stage(1, 3, 0.02, backbone=0.5), Stage("all", 2, 0.01, backbone=0.5, decay=0.5)]


JIT = keras.backend.backend() == "jax"  # on TensorFlow one thread repeats to the bit, and each stage is built sooner


def plain(model):
    return model


def classifier():
    inputs = keras.Input((4,), name="image")
    x = keras.layers.Dense(6, name="low")(inputs)
    x = keras.layers.BatchNormalization(name="low_norm")(x)
    x = keras.layers.Dense(5, activation="relu", name="top")(x)
    return surgery.classifier(keras.Model(inputs, x), 3, dropout=0.3)


def compiled(wrap=plain):
    keras.utils.set_random_seed(0)
    model = wrap(classifier())
    model.compile("sgd", LOSS, metrics=["accuracy"], jit_compile=JIT)
    return model


def adapted(model):
    return TransferModel(model, [methods.CORAL()])


def assert_same(one, other):
    assert one.history == other.history and one.starts == other.starts
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)


class Result:
    def __init__(self, model, staged):
        self.weights, self.history, self.starts = model.get_weights(), staged.history, staged.starts


class Stop(Exception):
    pass


def stopping_at(epoch):
    """Returns a callback that raises while an epoch is under way, as a kill would."""

    def stop(now, logs):
        if now == epoch:
            raise Stop

    return keras.callbacks.LambdaCallback(on_epoch_begin=stop)


@pytest.mark.parametrize("wrap", [plain, adapted])
def test_each_stage_moves_the_blocks_above_its_line_and_no_others(wrap):
    model, x = compiled(wrap), inputs_of(wrap)
    values = [{v.path: v.numpy() for v in model.variables}]

    def note(epoch, logs):
        values.append({v.path: v.numpy() for v in model.variables})

    fine_tune(model, x, Y, stages=STAGES, verbose=0, callbacks=keras.callbacks.LambdaCallback(on_epoch_end=note))
    layers = {"logits": 0, "top": 2, "low": 5, "low_norm": 5}
    for epoch, (before, after) in enumerate(zip(values, values[1:], strict=False)):
        for path in before:
            layer = path.split("/")[0]
            if layer in layers:
                moved = bool(np.any(before[path] != after[path]))
                assert moved == (epoch >= layers[layer]), f"{path} in epoch {epoch}"


def test_a_stage_is_plain_compile_and_fit():
    model = compiled()
    model.get_layer("low").trainable = model.get_layer("low_norm").trainable = False
    model.compile(keras.optimizers.Adam(0.02), LOSS, metrics=["accuracy"], jit_compile=JIT)
    order = [np.random.default_rng([0, epoch]).permutation(24) for epoch in range(3)]
    losses = []
    for rows in order:
        losses += model.fit(X[rows], Y[rows], batch_size=8, shuffle=False, verbose=0).history["loss"]
    other = compiled()
    result = fine_tune(other, X, Y, stages=[Stage(1, 3, 0.02)], batch_size=8, verbose=0)
    assert result.history["loss"] == losses
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_one_history_with_the_starts_of_the_stages():
    model = compiled()
    result = fine_tune(model, X, Y, stages=STAGES, verbose=0, validation_data=(X, Y))
    assert result.starts == [0, 2, 5] and result.epoch == list(range(7)) and result.stages == STAGES
    assert {name: len(values) for name, values in result.history.items()} == dict.fromkeys(
        ["loss", "accuracy", "val_loss", "val_accuracy"], 7
    )
    assert isinstance(model.optimizer, GroupedOptimizer) and model.compiled
    assert model.optimizer.rates == pytest.approx({1.0: 0.01, 0.25: 0.0025, 0.125: 0.00125})


def test_an_own_optimizer_is_made_for_each_stage():
    made = []

    def optimizer(model, stage):
        made.append((model.name, stage.depth, len(model.trainable_variables)))
        return keras.optimizers.SGD(stage.learning_rate)

    model = compiled()
    fine_tune(model, X, Y, stages=STAGES, optimizer=optimizer, verbose=0)
    assert made == [(model.name, 0, 2), (model.name, 1, 4), (model.name, "all", 8)]
    assert isinstance(model.optimizer, keras.optimizers.SGD)


def inputs_of(wrap):
    return {"source": X, "target": X + 1} if wrap is adapted else X


@functools.cache
def undisturbed(wrap):
    model = compiled(wrap)
    return Result(model, fine_tune(model, inputs_of(wrap), Y, stages=STAGES, batch_size=7, verbose=0))


# The first epoch of a run, the last of a stage, the first of a stage, and the last of all.
@pytest.mark.parametrize(("wrap", "stop_at"), [(plain, 0), (plain, 1), (plain, 2), (plain, 6), (adapted, 3)])
def test_a_run_stopped_within_an_epoch_ends_as_an_undisturbed_one(tmp_path, wrap, stop_at):
    def run(*callbacks):
        model = compiled(wrap)
        arguments = {"batch_size": 7, "verbose": 0, "callbacks": list(callbacks), "directory": tmp_path / "parts"}
        return Result(model, fine_tune(model, inputs_of(wrap), Y, stages=STAGES, **arguments))

    with pytest.raises(Stop):
        run(stopping_at(stop_at))
    assert_same(undisturbed(wrap), run())
    assert_same(undisturbed(wrap), run())  # a run that is done is only loaded
    assert len(list((tmp_path / "parts").glob("*.h5"))) == 1


def test_a_function_of_the_first_epoch_gives_the_batches_that_were_left(tmp_path):
    def run(name, *callbacks):
        model = compiled(adapted)
        arguments = {"directory": tmp_path / name, "verbose": 0, "callbacks": list(callbacks)}
        data = lambda first: pair((X, Y), X + 1, batch_size=8, first_epoch=first, value_range=None)  # noqa: E731
        return Result(model, fine_tune(model, data, stages=STAGES, **arguments))

    whole = run("whole")
    with pytest.raises(Stop):
        run("parts", stopping_at(3))
    assert_same(whole, run("parts"))


class Fixed(keras.utils.PyDataset):
    """Batches in one order, whatever the epoch."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.seen.append(index)
        return X[index::3], Y[index::3]


@pytest.mark.parametrize(("fit", "kept"), [({}, True), ({"shuffle": True}, False)])
def test_the_order_of_a_function_is_kept_unless_asked_otherwise(fit, kept):
    seen = []
    keras.utils.set_random_seed(1)
    fine_tune(compiled(), lambda first: Fixed(seen), stages=[Stage(0, 6, 0.1)], verbose=0, **fit)
    assert (seen[-18:] == [0, 1, 2] * 6) is kept


class OneEpoch(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def test_a_stage_that_stopped_early_stays_over(tmp_path):
    def run(*callbacks):
        model = compiled()
        arguments = {"directory": tmp_path, "verbose": 0, "callbacks": [OneEpoch(), *callbacks]}
        return Result(model, fine_tune(model, X, Y, stages=STAGES, **arguments))

    with pytest.raises(Stop):
        run(stopping_at(2))
    result = run()
    assert result.starts == [0, 1, 2] and len(result.history["loss"]) == 3
    assert_same(result, run())


class Halved(keras.callbacks.Callback):
    """Changes the weights when training ends, as `EarlyStopping` with `restore_best_weights` does."""

    def on_train_end(self, logs=None):
        self.model.set_weights([weight / 2 for weight in self.model.get_weights()])


def test_what_a_callback_does_to_the_weights_at_the_end_of_a_stage_is_kept(tmp_path):
    def run(folder, *callbacks):
        model = compiled()
        arguments = {"directory": tmp_path / folder, "verbose": 0, "callbacks": [Halved(), *callbacks]}
        return Result(model, fine_tune(model, X, Y, stages=STAGES, **arguments))

    whole = run("whole")
    assert_same(whole, run("whole"))
    with pytest.raises(Stop):
        run("parts", stopping_at(whole.starts[1]))
    assert_same(whole, run("parts"))


@pytest.mark.slow
@pytest.mark.parametrize("kills", [(3,), pytest.param((1, 3, 6), marks=pytest.mark.exhaustive)])
def test_a_killed_process_is_taken_up_again_with_the_same_weights(tmp_path, kills):
    """SIGKILL of a real process at a moment of its own: within the second stage, or once within each."""
    script = tmp_path / "train.py"
    script.write_text(
        "import sys, time, keras\n"
        "from tests.transfer.test_fine_tune import STAGES, X, Y, compiled, fine_tune\n"
        "slow = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(0.2))\n"
        "arguments = {'directory': sys.argv[1], 'batch_size': 7, 'verbose': 0, 'callbacks': [slow]}\n"
        "fine_tune(compiled(), X, Y, stages=STAGES, **arguments)\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    command = [sys.executable, "-W", "ignore", str(script), str(tmp_path / "run")]
    for epochs in kills:
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root}, cwd=root)
        try:
            _wait_for(tmp_path / "run" / "state.json", epochs, process)
            time.sleep(0.3)
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL
    model = compiled()
    resumed = fine_tune(model, X, Y, stages=STAGES, directory=tmp_path / "run", batch_size=7, verbose=0)
    assert_same(undisturbed(plain), Result(model, resumed))


def _wait_for(state, epochs, process):
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if state.exists() and json.loads(state.read_text())["epochs"] >= epochs:
            return
        time.sleep(0.02)
    raise AssertionError(f"the process ended or hung before epoch {epochs}: {process.poll()}")


def test_a_line_for_each_stage_and_none_when_quiet(capsys):
    model = compiled()
    fine_tune(model, X, Y, stages=STAGES, verbose=2)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("stage ")]
    assert lines[0].startswith("stage 1 of 3, epochs 1 to 2: training moves 0 of 2 blocks and the head: 18 of ")
    assert lines[1].endswith("rate 0.02 x backbone 0.5") and "epochs 3 to 5" in lines[1] and len(lines) == 3
    fine_tune(compiled(), X, Y, stages=STAGES[:1], verbose=0)
    assert capsys.readouterr().out == ""


def test_without_a_terminal_an_epoch_is_a_plain_line(capsys):
    fine_tune(compiled(), X, Y, stages=STAGES[:1])
    out = capsys.readouterr().out
    assert "\x1b" not in out and "\b" not in out and "Epoch 1/2" in out


def test_depth_none_trains_what_is_trainable():
    model = compiled()
    surgery.unfreeze(model, 1)
    model.get_layer("logits").trainable = False
    before = {variable.path: np.array(variable) for variable in model.weights}
    fine_tune(model, X, Y, stages=[Stage(None, 1, 0.1)], verbose=0)
    moved = {variable.path for variable in model.weights if not np.array_equal(variable, before[variable.path])}
    assert moved == {"top/kernel", "top/bias"}
    with pytest.raises(ValueError, match="None in every stage or in none"):
        fine_tune(model, X, Y, stages=[Stage(None, 1, 0.1), Stage(1, 1, 0.1)], verbose=0)


def test_bad_input_is_refused_before_anything_trains(tmp_path):
    model = compiled()
    before = model.get_weights()
    cases = [
        ({"stages": []}, "`stages` must be a list of at least one `Stage`. Received"),
        ({"stages": [0.1]}, "`stages` must be a list of at least one `Stage`. Received"),
        ({"stages": [Stage(0, 1, 0.1), Stage(3, 1, 0.1)]}, "`depth` must not exceed the 2 blocks"),
        ({"epochs": 3}, r"counts the epochs itself .* Received: \['epochs'\]"),
        ({"validation_split": 0.1}, r"takes `validation_data` in place of a split"),
        ({"steps_per_epoch": 3}, "`steps_per_epoch` is for data sets"),
        ({"batch_size": 0}, "`batch_size` must be an integer >= 1"),
        ({"y": Y[:3]}, "must have one number of rows"),
        ({"y": None, "sample_weight": np.ones(24)}, "`sample_weight` needs labels `y`"),
    ]
    for change, message in cases:
        with pytest.raises(ValueError, match=message):
            fine_tune(model, **{"x": X, "y": Y, "stages": STAGES, **change})
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="`model` must be compiled once"):
        fine_tune(classifier(), X, Y, stages=STAGES)
    fine_tune(model, X, Y, stages=STAGES[:1], directory=tmp_path, verbose=0)
    with pytest.raises(ValueError, match="`stages` must be those that the run in `directory` was started with"):
        fine_tune(model, X, Y, stages=gradual_stages(1, epochs=1, learning_rate=0.1), directory=tmp_path)
    assert tlkeras.fine_tune is fine_tune and tlkeras.Stage is Stage

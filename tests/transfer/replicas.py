"""Trains in a process of its own, whose one CPU counts as two devices.

python tests/transfer/replicas.py NAME prints what the function NAME returns, as JSON.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tlkeras import methods  # noqa: E402
from tlkeras.data.pair import PairBatches, pair  # noqa: E402
from tlkeras.testing import Case, common  # noqa: E402
from tlkeras.transfer import DANNRamp, TransferModel  # noqa: E402

ROWS = 8  # of a batch, over both replicas
OF_ROWS = Case(methods.Entropy, {"weight": DANNRamp(steps=4, gamma=2.0)})
STATEFUL = Case(methods.PADA, {"hidden": (8,), "strength": 1.0, "momentum": 0.9})


class OfBatches(Case):
    """Methods of batch statistics in one model; one reads labels."""

    def transfer(self, **arguments):
        """Returns the compiled model."""
        keras.utils.set_random_seed(0)
        together = [methods.MMD(), methods.CORAL(weight=100.0), methods.MCC(temperature=0.5), methods.LMMD()]
        model = TransferModel(common.small_model(), together)
        common.compile_model(model, **arguments)
        return model


def start(name, **environment):
    """Starts the function in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, name]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=os.environ | quiet | environment, **pipes)


def result(process):
    """Returns what the function returned in its process."""
    output, errors = process.communicate(timeout=1800)
    if process.returncode:
        raise RuntimeError(errors[-4000:])
    return json.loads(output.splitlines()[-1])


def two_replicas():
    """Makes the one CPU two devices, before TensorFlow uses it, and returns a strategy of both."""
    devices = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def transfer(case, strategy=None, **arguments):
    """Returns the compiled model of a case, made under a strategy or without one."""
    with strategy.scope() if strategy else contextlib.nullcontext():
        return case.transfer(metrics=["accuracy"], **arguments)


def batches(case, steps, part=slice(None)):
    """Returns a pipeline of the rows `part` of each batch of a case."""
    drawn = [keras.tree.map_structure(lambda rows: rows[:ROWS][part], batch) for batch in case.batches(steps)]
    return tf.data.Dataset.from_tensor_slices(keras.tree.map_structure(lambda *parts: np.stack(parts), *drawn))


def fit(model, data, epochs=1):
    """Returns the logs of the last epoch."""
    history = model.fit(data, epochs=epochs, shuffle=False, verbose=0).history
    return {name: values[-1] for name, values in history.items()}


def difference(model, *others):
    """Returns the largest difference between the weights of the inference model and the mean of those of others."""
    means = [np.mean(values, axis=0) for values in zip(*(other.model.get_weights() for other in others), strict=True)]
    return max(float(abs(own - mean).max()) for own, mean in zip(model.model.get_weights(), means, strict=True))


def compared(case, strategy, eager=False):
    """Compares a step on both replicas with the halves of the batch, and three with the joint batch, on one device."""
    two = transfer(case, strategy, run_eagerly=eager)
    first, second, one = (transfer(case, run_eagerly=True) for _ in range(3))
    given = batches(case, 3)
    halves = [fit(two, given.take(1))]
    halves += [fit(m, batches(case, 1, part)) for m, part in ((first, slice(4)), (second, slice(4, 8)))]
    found = {"halves": halves, "from_halves": difference(two, first, second)}
    fit(one, given.take(1))
    joint = [fit(model, given.skip(1)) for model in (two, one)]
    steps = [int(model.step.numpy()) for model in (two, one)]
    return found | {"joint": joint, "from_joint": difference(two, one), "steps": steps}


def learning():
    """Compares methods of rows and of batch statistics, and collects what is refused."""
    strategy = two_replicas()
    measured = {"rows": compared(OF_ROWS, strategy), "batches": compared(OfBatches(methods.MMD), strategy, eager=True)}
    return measured | {"refused": refused(strategy)}


def refused(strategy):
    """Returns the errors of what Keras cannot do, by name."""
    models = {
        "jit_compile": transfer(OF_ROWS, strategy, jit_compile=True),
        "steps_per_execution": transfer(OF_ROWS, strategy, steps_per_execution=2),
        "outside": transfer(OF_ROWS),
    }
    with strategy.scope():
        return {name: error_of(model) for name, model in models.items()}


def error_of(model):
    """Returns the message of the ValueError that `fit` raises."""
    try:
        fit(model, batches(OF_ROWS, 1))
    except ValueError as error:
        return str(error)
    return None


def every_method():
    """Compares every case of the common test, eagerly."""
    strategy = two_replicas()
    with strategy.scope():  # some of the cases hold a teacher
        from tests.test_common import CASES
    cases = [case for case in CASES if "batch_norm" not in case.kwargs]
    return [[case.method.__name__, case.made().phases() != (), compared(case, strategy, eager=True)] for case in cases]


def saved():
    """Saves a model after three steps on both replicas, and goes on with it, there and on one device."""
    strategy = two_replicas()
    model = transfer(STATEFUL, strategy)
    fit(model, batches(STATEFUL, 3))
    path = Path(tempfile.mkdtemp()) / "transfer.keras"
    model.save(path)
    alone = keras.models.load_model(path)
    with strategy.scope():
        again = keras.models.load_model(path)
    x = STATEFUL.batches()[0][0]["target"]
    found = {"predictions": float(abs(model.predict(x, verbose=0) - alone.predict(x, verbose=0)).max())}
    for each in (model, again, alone):
        fit(each, batches(STATEFUL, 3))
    shares = [each.methods[0].shares.numpy() for each in (model, again, alone)]
    copies = [copy.numpy() for copy in strategy.experimental_local_results(model.methods[0].shares.value)]
    return found | {
        "again": difference(again, model),
        "alone": difference(alone, model),
        "shares": max(float(abs(values - shares[0]).max()) for values in (*shares, *copies)),
        "steps": [int(each.step.numpy()) for each in (model, again, alone)],
    }


def data():
    """Compares both replicas with one device on what `pair` yields, and on a data set that is distributed already."""
    strategy, random = two_replicas(), np.random.default_rng(0)
    xs, xt = (random.normal(size=(6 * ROWS, 4)).astype("float32") for _ in range(2))
    source = xs, random.integers(0, 3, 6 * ROWS)
    arguments = {"batch_size": ROWS, "seed": 0, "steps": None, "first_epoch": 0}
    made = {
        "pipeline": lambda: pair(source, xt, **arguments),
        "PyDataset": lambda: PairBatches({"source": source}, xt, **arguments),
        "distributed": lambda: batches(OF_ROWS, 6),
    }
    found = {}
    for name, make in made.items():
        two, one = transfer(OF_ROWS, strategy), transfer(OF_ROWS)
        given = strategy.experimental_distribute_dataset(make()) if name == "distributed" else make()
        fit(two, given, epochs=2)
        fit(one, make(), epochs=2)
        found[name] = difference(two, one)
    return found


def worker():
    """Fits as one of the workers that `TF_CONFIG` names, and returns the error."""
    return error_of(transfer(OF_ROWS, tf.distribute.MultiWorkerMirroredStrategy()))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()), flush=True)

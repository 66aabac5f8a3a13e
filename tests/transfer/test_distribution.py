import json
import socket

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from tests.transfer import replicas
from tlkeras import methods


@pytest.fixture(scope="module")
def learning():
    return replicas.result(replicas.start("learning"))


def test_a_loss_of_rows_learns_from_the_joint_batch(learning):
    assert learning["rows"]["from_joint"] < 1e-5
    two, one = ([logs[name] for name in ("loss", "entropy", "accuracy")] for logs in learning["rows"]["joint"])
    np.testing.assert_allclose(two, one, atol=1e-5)
    assert learning["rows"]["steps"] == [3, 3]


@pytest.mark.parametrize("name", ["mmd", "coral", "mcc", "lmmd", "loss"])
def test_methods_of_batch_statistics_are_the_mean_over_the_replicas(learning, name):
    assert learning["batches"]["from_halves"] < 1e-5
    two, *own = (logs[name] for logs in learning["batches"]["halves"])
    np.testing.assert_allclose(two, np.mean(own), rtol=1e-5)
    assert abs(own[0] - own[1]) > 1e-3 * two  # else the mean says nothing
    assert learning["batches"]["from_joint"] > 1e-4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jit_compile", "XLA compiles for one device.*Received: jit_compile=True, 2 replicas"),
        ("steps_per_execution", "several steps at once.*Received: steps_per_execution=2, 2 replicas"),
        ("outside", r"within `strategy.scope\(\)`.*Received: 5 variables from outside"),
    ],
)
def test_what_keras_cannot_train_is_refused(learning, name, message):
    assert learning["refused"][name] is not None
    with pytest.raises(ValueError, match=message):
        raise ValueError(learning["refused"][name])


@pytest.mark.exhaustive
def test_every_method_and_its_docstring():
    from_joint = {"VAT": 0.0}  # its term is a mean over rows, but a half draws other directions than the whole
    for name, phased, found in replicas.result(replicas.start("every_method")):
        if name != "VAT":
            from_joint[name] = max(from_joint.get(name, 0.0), found["from_joint"])
        if phased:  # its later phases are taken where the earlier ones led, so that half steps do not add up
            two, one = (logs["loss"] for logs in found["joint"])
            np.testing.assert_allclose(two, one, rtol=1e-5, err_msg=name)
        else:
            assert found["from_halves"] < 1e-5, name
            two, *own = (logs[name.lower()] for logs in found["halves"])
            np.testing.assert_allclose(two, np.mean(own), rtol=1e-4, atol=1e-6, err_msg=name)
    says_so = {name for name in from_joint if "each on its own batch" in getattr(methods, name).__doc__}
    assert says_so == {name for name, value in from_joint.items() if value > 1e-6}


@pytest.mark.exhaustive
def test_a_saved_model_goes_on_under_the_strategy_and_on_one_device():
    found = replicas.result(replicas.start("saved"))
    assert found["predictions"] < 1e-6
    assert max(found["again"], found["alone"], found["shares"]) < 1e-5
    assert found["steps"] == [6, 6, 6]


@pytest.mark.exhaustive
def test_pipelines_py_datasets_and_distributed_data():
    assert max(replicas.result(replicas.start("data")).values()) < 1e-5


@pytest.mark.slow
@pytest.mark.exhaustive
def test_several_workers_are_refused():
    workers = [f"localhost:{_free_port()}" for _ in range(2)]
    started = [
        replicas.start(
            "worker",
            TF_CONFIG=json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    for process in started:
        assert "Received: a cluster of 2 workers" in replicas.result(process)


def _free_port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]

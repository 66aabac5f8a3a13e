import keras
import pytest

from tlkeras.methods import MCD
from tlkeras.testing import common
from tlkeras.transfer import Phase, PhasedModel, TransferModel


def nothing(batch, training):
    return 0.0


def test_a_phase_that_moves_the_method_alone_needs_one_forward_pass():
    assert Phase(nothing, moves=("method",), repeats=5).passes == 1
    assert Phase(nothing, moves=("method", "head"), repeats=5).passes == 5


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"moves": ()}, "`moves` must hold one or more of"),
        ({"moves": ("critic",)}, "`moves` must hold one or more of.*Received: moves=\\('critic',\\)"),
        ({"moves": ("head",), "repeats": 0}, "`repeats` must be an integer >= 1. Received: repeats=0"),
        ({"moves": ("head",), "repeats": True}, "`repeats` must be an integer >= 1"),
        ({"moves": ("head",), "repeats": 2, "supervised": True}, "supervised phase runs once a step"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error):
    with pytest.raises(ValueError, match=error):
        Phase(nothing, **arguments)


def test_a_plain_transfer_model_refuses_a_phased_method():
    with pytest.raises(ValueError, match="use `tlkeras.transfer.PhasedModel`. Received: methods \\['mcd'\\]"):
        TransferModel(common.small_model(), [MCD()])


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="this is what another backend says")
def test_another_backend_is_refused():
    with pytest.raises(RuntimeError, match="needs TensorFlow's gradient tapes"):
        PhasedModel(common.small_model(), [MCD()])

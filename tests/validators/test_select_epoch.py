import keras
import numpy as np
import pytest

from tlkeras.testing import common
from tlkeras.transfer import TransferModel
from tlkeras.validators import SelectEpoch, information_maximization

DRAW = np.random.default_rng(0)
TARGET = DRAW.normal(size=(32, 4)).astype("float32")
SOURCE = DRAW.normal(size=(16, 4)).astype("float32"), np.arange(16) % 3


class Weights(keras.callbacks.Callback):
    """Sets kernel and bias of the last layer before each epoch is scored."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs, self.after = epochs, []

    def on_epoch_end(self, epoch, logs=None):
        for variable, value in zip(self.model.model.layers[-1].weights, self.epochs[epoch], strict=True):
            variable.assign(np.broadcast_to(value, variable.shape))
        self.after.append(self.model.model.get_weights())


def fitted(select, epochs):
    keras.utils.set_random_seed(0)
    model = TransferModel(common.small_model(), [])
    common.compile_model(model)
    weights = Weights(epochs)
    history = model.fit(*SOURCE, epochs=len(epochs), verbose=0, callbacks=[weights, select]).history
    return model, history, weights.after


def directions(scale):
    """Kernel and bias whose classes differ, so that predictions spread over them; small scales are unsure."""
    shape = common.small_model().layers[-1].kernel.shape
    return scale * np.random.default_rng(1).normal(size=shape).astype("float32"), 0.0


ONE_CLASS = 0.0, [100.0, 0.0, 0.0]


def test_it_keeps_the_inference_weights_of_the_best_epoch_and_logs_every_score():
    select = SelectEpoch(TARGET, SOURCE, others=["source_accuracy", "snd"])
    model, history, after = fitted(select, [directions(0.1), directions(5.0), directions(0.5)])
    assert select.best_epoch == 1 and select.best_collapse == ()
    assert select.best_score == max(history["information_maximization"])
    assert {"source_accuracy", "snd", "collapsed"} <= set(history)
    for kept, wanted in zip(select.best_weights, after[1], strict=True):
        np.testing.assert_array_equal(kept, wanted)
    model.model.set_weights(select.best_weights)
    again = information_maximization(model.model.predict(TARGET, verbose=0))
    np.testing.assert_allclose(select.best_score, again, rtol=1e-5)


def test_an_epoch_that_collapsed_is_not_selected_however_high_its_score():
    select = SelectEpoch(TARGET, validator="entropy")
    _, history, _ = fitted(select, [ONE_CLASS, directions(0.5), ONE_CLASS])
    assert history["collapsed"] == [1.0, 0.0, 1.0]
    assert history["entropy"][0] > history["entropy"][1]
    assert select.best_epoch == 1 and select.best_collapse == ()


def test_where_all_collapsed_the_best_of_them_is_kept_and_says_so():
    select = SelectEpoch(TARGET)
    fitted(select, [ONE_CLASS])
    assert select.best_epoch == 0 and "class" in " ".join(select.best_collapse)


def test_a_resumed_run_reads_what_was_selected(tmp_path):
    select = SelectEpoch(TARGET, path=tmp_path / "selected.npz")
    fitted(select, [directions(1.0)])
    again = SelectEpoch(TARGET, path=tmp_path / "selected.npz")
    assert (again.best_epoch, again.best_score, again.best_collapse) == (0, select.best_score, select.best_collapse)
    for one, other in zip(again.best_weights, select.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    fitted(again, [directions(0.01)])
    assert again.best_score == select.best_score


def test_a_diverged_training_is_said_so():
    with pytest.raises(ValueError, match="training diverged; lower the learning rate. Received: 100 % of the rows"):
        fitted(SelectEpoch(TARGET), [directions(np.nan)])


def test_a_validator_that_is_unknown_or_lacks_source_rows_is_refused():
    with pytest.raises(ValueError, match=r"`validator` and `others` must be of .*entropy.* Received: \['entrpoy'\]"):
        SelectEpoch(TARGET, validator="entrpoy")
    with pytest.raises(ValueError, match=r"`source` must be inputs and labels for the validators \['dev'\]"):
        SelectEpoch(TARGET, validator="dev")


def test_at_most_two_thousand_rows_are_looked_at_in_a_drawn_order():
    select = SelectEpoch(np.arange(5000))
    assert len(select.target) == 2000 and len(set(select.target.tolist())) == 2000
    assert (np.diff(select.target) < 0).any()


def test_a_validator_of_other_answers_is_refused_before_training():
    model = TransferModel(common.small_model(head="values"), [])
    common.compile_model(model)
    with pytest.raises(ValueError, match="answers values must be one of source_r2, .*Received: information_maximiz"):
        model.fit(SOURCE[0], np.ones((16, 3)), callbacks=[SelectEpoch(TARGET)], verbose=0)


def test_a_regressor_is_selected_by_its_error_on_rows_like_the_target():
    keras.utils.set_random_seed(0)
    values = SOURCE[0] @ np.ones((4, 3), "float32")
    model = TransferModel(common.small_model(head="values"), [])
    common.compile_model(model)
    select = SelectEpoch(TARGET, (SOURCE[0], values), validator="importance_weighted_r2", others=("source_r2",))
    history = model.fit(SOURCE[0], values, epochs=3, callbacks=[select], verbose=0).history
    assert select.best_epoch == np.argmax(history["importance_weighted_r2"]) and "source_r2" in history

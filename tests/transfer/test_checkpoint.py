import keras
import numpy as np
import pytest

from tlkeras import methods
from tlkeras.data import pair
from tlkeras.testing import common, shifted_clusters
from tlkeras.transfer import Checkpoint, TransferModel
from tlkeras.validators import SelectEpoch

XS, YS, XT, _ = shifted_clusters(rows=64)


class Stop(Exception):
    pass


def run(folder, epochs, stop_at=None):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    x = keras.layers.Dropout(0.3)(keras.layers.Dense(8, name="features")(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(x))
    transfer = TransferModel(model, [methods.DANN(hidden=(8,)), methods.MCC()])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    transfer.compile(keras.optimizers.Adam(0.01), loss, jit_compile=True)
    checkpoint = Checkpoint(folder)
    select = SelectEpoch(XT, path=folder / "selected.npz")
    first = checkpoint.restore(transfer)

    seen = []

    def interrupt(batch, logs):
        seen.append(batch)
        if len(seen) == stop_at:
            raise Stop

    callbacks = [select, checkpoint, keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)]
    batches = pair((XS, YS), XT, batch_size=16, first_epoch=first)
    transfer.fit(batches, initial_epoch=first, epochs=epochs, verbose=0, callbacks=callbacks, shuffle=False)
    return transfer.get_weights(), checkpoint.history, select


def test_a_run_stopped_within_an_epoch_ends_as_an_undisturbed_one(tmp_path):
    weights, history, select = run(tmp_path / "whole", epochs=4)
    with pytest.raises(Stop):
        run(tmp_path / "parts", epochs=4, stop_at=9)
    resumed_weights, resumed_history, resumed_select = run(tmp_path / "parts", epochs=4)
    assert history == resumed_history and len(history["loss"]) == 4
    for one, other in zip(weights, resumed_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert resumed_select.best_epoch == select.best_epoch
    for one, other in zip(select.best_weights, resumed_select.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(list((tmp_path / "parts").glob("*.h5"))) == 1


def test_a_state_of_another_model_is_refused(tmp_path):
    run(tmp_path, epochs=1)
    model = common.small_model()
    common.compile_model(model)
    with pytest.raises(ValueError, match="does not fit this model; resume with the flags"):
        Checkpoint(tmp_path).restore(model)

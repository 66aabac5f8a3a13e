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


def plain(folder, epochs):
    """A plain Keras model whose order of rows is fixed, so that its draws alone decide."""
    keras.utils.set_random_seed(len(list(folder.glob("*"))))
    inputs = keras.Input((2,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GaussianNoise(0.2)(x)))
    if not list(folder.glob("*")):
        model.set_weights([np.full(w.shape, 0.1) for w in model.get_weights()])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=True)
    checkpoint = Checkpoint(folder)
    assert checkpoint.epochs == checkpoint.restore(model)
    first = checkpoint.epochs
    model.fit(XS, YS, initial_epoch=first, epochs=epochs, shuffle=False, verbose=0, callbacks=[checkpoint])
    assert checkpoint.epochs == epochs
    return model.get_weights()


def test_a_plain_model_goes_on_with_the_draws_of_its_random_layers(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = plain(tmp_path / "whole", 4)
    plain(tmp_path / "parts", 2)
    for one, other in zip(whole, plain(tmp_path / "parts", 4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_state_without_the_draws_of_a_random_layer_is_refused(tmp_path):
    inputs = keras.Input((2,))
    for extra in ([], [keras.layers.Dropout(0.5)]):
        model = keras.Sequential([inputs, *extra, keras.layers.Dense(1, name="dense")])
        model.compile("sgd", "mse")
        checkpoint = Checkpoint(tmp_path)
        if extra:
            with pytest.raises(ValueError, match="does not fit this model"):
                checkpoint.restore(model)
        else:
            model.fit(XS, XS[:, :1], verbose=0, callbacks=[checkpoint])


def test_low_rank_updates_cannot_be_kept(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, name="dense")])
    model.layers[0].enable_lora(1)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="train without a checkpoint.*dense"):
        model.fit(np.ones((4, 2)), np.ones((4, 4)), verbose=0, callbacks=[Checkpoint(tmp_path)])


def test_what_the_end_of_training_changes_is_kept(tmp_path):
    def trained():
        keras.utils.set_random_seed(0)
        model = common.small_model()
        common.compile_model(model, learning_rate=1.0)
        checkpoint = Checkpoint(tmp_path)
        first = checkpoint.restore(model)
        best = keras.callbacks.EarlyStopping("loss", mode="max", patience=2, restore_best_weights=True)
        x, y = np.eye(4, dtype="float32"), np.arange(4) % 3
        arguments = {"epochs": 3, "shuffle": False, "verbose": 0, "callbacks": [best, checkpoint]}
        model.fit(x, y, initial_epoch=first, **arguments)
        return model.get_weights()

    for one, other in zip(trained(), trained(), strict=True):
        np.testing.assert_array_equal(one, other)

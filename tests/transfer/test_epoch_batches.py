import keras
import numpy as np
import pytest

from tlkeras.transfer.epoch_batches import EpochBatches


def seen_by(fit_from, epochs, seed=3, rows=7):
    """Trains and returns the rows of each epoch as the model saw them, in order."""
    seen = []

    class Record(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    model = keras.Sequential([keras.Input((1,)), Record(), keras.layers.Dense(1)])
    model.compile("sgd", lambda y, p: keras.ops.mean(0.0 * p), run_eagerly=True)
    compute_loss = model.compute_loss

    def record(x, y, y_pred, sample_weight=None, training=True):
        seen.append(keras.ops.convert_to_numpy(x).ravel().tolist())
        return compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)

    model.compute_loss = record
    x = np.arange(float(rows)).reshape(-1, 1)
    batches = EpochBatches((x, x), batch_size=3, seed=seed)
    for first, last in zip([fit_from, *epochs], epochs, strict=False):
        model.fit(batches, initial_epoch=first, epochs=last, shuffle=False, verbose=0, callbacks=[batches.follow()])
    count = -(-rows // 3)
    trained = [batch for batch in seen if batch]
    return [sum(trained[i : i + count], []) for i in range(0, len(trained), count)]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="reads the rows of an eager step")
@pytest.mark.parametrize("rows", [7, 3, 2])
def test_fit_sees_the_order_of_each_epoch_whatever_epochs_came_before(rows):
    orders = [np.random.default_rng([3, epoch]).permutation(rows).tolist() for epoch in range(4)]
    assert seen_by(0, [4], rows=rows) == orders
    assert seen_by(2, [4], rows=rows) == orders[2:]
    assert seen_by(0, [1, 3, 4], rows=rows) == orders


def test_no_seed_keeps_the_order_of_the_rows():
    batches = EpochBatches((np.arange(5),), batch_size=3, seed=None)
    batches.set_epoch(4)
    assert [batches[index][0].tolist() for index in range(len(batches))] == [[0, 1, 2], [3, 4]]


def test_structures_keep_their_rows_together():
    x = {"source": np.arange(6), "target": 10 + np.arange(6)}
    batches = EpochBatches((x, np.arange(6), 20 + np.arange(6)), batch_size=4, seed=0)
    for index in range(2):
        views, y, weight = batches[index]
        np.testing.assert_array_equal(views["source"], y)
        np.testing.assert_array_equal(views["target"], 10 + y)
        np.testing.assert_array_equal(weight, 20 + y)


@pytest.mark.parametrize("data", [(np.zeros(3), np.zeros(4)), (np.zeros((0, 2)),), (object(), np.zeros(3))])
def test_rows_that_do_not_match_are_refused(data):
    with pytest.raises(ValueError, match="must have one number of rows, > 0. Received: "):
        EpochBatches(data, batch_size=2, seed=0)


@pytest.mark.parametrize("size", [0, 2.0, True, "many"])
def test_a_bad_batch_size_is_refused(size):
    with pytest.raises(ValueError, match="`batch_size` must be an integer >= 1. Received: batch_size="):
        EpochBatches((np.zeros(3),), batch_size=size, seed=0)

import keras
import numpy as np
import pytest

from tlkeras import backbones, methods, surgery, transfer, validators
from tlkeras.data import pair, table
from tlkeras.data.pair import PairBatches
from tlkeras.data.rows import as_rows, fed, row_count, take_rows

pytest.importorskip("tensorflow", reason="Keras reads strings with TensorFlow")

RANDOM = np.random.default_rng(0)
SOURCE = table({"x": RANDOM.normal(size=40), "job": ["a", "b"] * 20, "y": ["no", "no", "yes", "yes"] * 10}, label="y")
TARGET = table({"x": RANDOM.normal(1, 1, 30), "job": ["b", "c", ""] * 10}, like=SOURCE)


def model():
    keras.utils.set_random_seed(0)
    return surgery.classifier(backbones.from_table(SOURCE), 2, bottleneck=4)


def test_rows_of_arrays_and_dicts():
    assert row_count({"a": np.zeros((3, 1)), "b": [1, 2, 3]}) == row_count(np.zeros((3, 2))) == 3 and row_count({}) == 0
    inputs = SOURCE.inputs()
    assert take_rows(inputs, [1, 2])["job"].tolist() == [[b"b"], [b"a"]]
    assert take_rows(inputs["x"], slice(2)).tolist() == inputs["x"][:2].tolist()
    assert fed(as_rows(inputs))["job"].dtype == inputs["job"].dtype and fed(inputs["x"]) is inputs["x"]


def test_views_are_dicts_of_dicts():
    batches = pair((SOURCE.inputs(), SOURCE.labels), TARGET.inputs(), batch_size=8, seed=1, num_classes=2)
    views, labels = next(iter(batches))
    sides = {"source": (SOURCE.inputs(), SOURCE.labels)}
    own = PairBatches(sides, TARGET.inputs(), batch_size=8, seed=1, steps=None, first_epoch=0)
    for view in ("source", "target"):
        for name in ("x", "job"):
            np.testing.assert_array_equal(views[view][name].numpy(), own[0][0][view][name])
    np.testing.assert_array_equal(labels["source"].numpy(), own[0][1]["source"])
    order = own.order()
    np.testing.assert_array_equal(views["target"]["x"].numpy(), TARGET.inputs(order[1][0])["x"])


@pytest.mark.parametrize("forward", ["joint", pytest.param("per_view", marks=pytest.mark.slow)])
def test_a_method_trains_on_columns_and_the_epochs_are_scored(forward):
    whole = model()
    adapted = transfer.TransferModel(whole, [methods.CORAL(), methods.DomainWeights(tap="encoded")], forward=forward)
    adapted.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    select = validators.SelectEpoch(
        TARGET.inputs(), (SOURCE.inputs(), SOURCE.labels), others=("importance_weighted",)
    )  # fmt: skip
    batches = pair((SOURCE.inputs(), SOURCE.labels), TARGET.inputs(), batch_size=8)
    history = adapted.fit(batches, epochs=2, shuffle=False, verbose=0, callbacks=[select]).history
    assert {"coral", "domainweights", "information_maximization", "importance_weighted"} <= set(history)
    assert np.isfinite(history["loss"]).all() and select.best_weights is not None


def test_what_a_model_says_of_columns_is_what_it_says_of_the_encoded_rows():
    whole = model()
    below, above = surgery.split(whole, "encoded")
    encoded = [below.predict(rows.inputs(), verbose=0) for rows in (TARGET, SOURCE)]
    looks = [
        validators.Probe(whole, TARGET.inputs(), (SOURCE.inputs(), SOURCE.labels)).evidence(),
        validators.Probe(above, encoded[0], (encoded[1], SOURCE.labels)).evidence(),
    ]
    np.testing.assert_allclose(looks[0].target_logits, looks[1].target_logits, atol=1e-6)
    np.testing.assert_allclose(looks[0].source_features, looks[1].source_features, atol=1e-6)
    assert validators.guard(*looks).figures["changed"] == 0


def test_columns_that_do_not_fit():
    with pytest.raises(ValueError, match="`target` must have as many rows in each input"):
        pair((SOURCE.inputs(), SOURCE.labels), {"x": np.zeros((9, 1)), "job": np.zeros((8, 1))})
    with pytest.raises(ValueError, match="one label for each input. Received: 40 inputs, 39 labels"):
        pair((SOURCE.inputs(), SOURCE.labels[1:]), TARGET.inputs())
    with pytest.raises(ValueError, match="`target` must hold at least one batch"):
        pair((SOURCE.inputs(), SOURCE.labels), TARGET.inputs([0]), batch_size=8)
    with pytest.raises(ValueError, match="`mix=True` needs inputs that are numbers, one array"):
        validators.Probe(model(), TARGET.inputs(), mix=True)

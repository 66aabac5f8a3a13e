import keras
import numpy as np
import pytest

from tlkeras.data import PairBatches, pair, views
from tlkeras.methods import Entropy
from tlkeras.testing import common
from tlkeras.transfer import TransferModel

XS, YS = np.arange(10.0, dtype="float32")[:, None], np.arange(10) % 3
XT = 100 + np.arange(6.0, dtype="float32")[:, None]


def batches():
    return PairBatches({"source": (XS, YS)}, XT, batch_size=2, seed=3, steps=None, first_epoch=0)


def check(made, plain):
    """Each view is made of the rows as they were, and labels stay those of the source."""
    (found, labels), (wanted, _) = made, plain
    assert sorted(found) == ["source", "target", "target_strong"] and sorted(labels) == ["source"]
    np.testing.assert_array_equal(found["source"], wanted["source"])
    np.testing.assert_array_equal(found["target"], wanted["target"] + 0.25)
    np.testing.assert_array_equal(found["target_strong"], 2 * wanted["target"])


def test_a_new_view_comes_from_the_rows_before_any_augmenter():
    made = views(batches(), target=lambda rows: rows + 0.25, target_strong=lambda rows: 2 * rows)
    assert len(made) == 5
    for index in range(5):
        check(made[index], batches()[index])
        assert all(isinstance(rows, np.ndarray) for rows in made[index][0].values())


def test_a_pipeline_stays_a_pipeline_of_known_length():
    tf = pytest.importorskip("tensorflow")
    plain = pair((XS, YS), XT, batch_size=2, seed=3)
    made = views(plain, target=lambda rows: rows + 0.25, target_strong=lambda rows: 2 * rows)
    assert isinstance(made, tf.data.Dataset) and len(made) == 5
    for index, batch in enumerate(made):
        check(batch, batches()[index])
    alone = views(tf.data.Dataset.from_tensor_slices({"target": XT}).batch(2), target_strong=lambda rows: -rows)
    assert sorted(next(iter(alone))) == ["target", "target_strong"]


def pictures():
    return np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3)).astype("uint8")


def layers():
    return {
        "target": keras.layers.RandomFlip("horizontal", seed=1),
        "target_strong": keras.layers.Pipeline(
            [keras.layers.RandomFlip(seed=2), keras.layers.RandAugment((0, 255), seed=3)]
        ),
    }


def some(kind):
    if kind == "arrays":
        return {"target": pictures()}
    if kind == "batches":
        return PairBatches({"source": (pictures(), YS[:6])}, pictures(), batch_size=2, seed=0, steps=3, first_epoch=0)
    pytest.importorskip("tensorflow")
    return pair((pictures(), YS[:6]), pictures(), batch_size=2)


@pytest.mark.parametrize("kind", ["arrays", "batches", "pipeline"])
def test_layers_run_as_in_training_and_their_seeds_decide(kind):
    runs = []
    for _ in range(2):
        made = views(some(kind), batch_size=2, **layers())
        found = [made[index] for index in range(3)] if isinstance(made, keras.utils.PyDataset) else list(made)
        runs.append([views[0] if isinstance(views, tuple) else views for views in found])
    for first, second in zip(*runs, strict=True):
        for view in ("target", "target_strong"):
            np.testing.assert_array_equal(first[view], second[view])
    both = np.concatenate([np.stack([batch["target"], batch["target_strong"]]) for batch in runs[0]], axis=1)
    assert not np.array_equal(both[0], both[1])
    assert both.shape == (2, 6, 8, 8, 3) and np.isfinite(both.astype("float32")).all()


def test_arrays_without_a_source_train_in_an_order_of_seed_and_epoch():
    data = views({"target": XT}, batch_size=2, seed=4, target_strong=lambda rows: rows + 1)
    epochs = []
    for _ in range(2):
        rows = [data[index] for index in range(3)]
        for batch in rows:
            np.testing.assert_array_equal(batch["target_strong"], batch["target"] + 1)
        epochs.append(np.concatenate([batch["target"][:, 0] for batch in rows]))
        data.on_epoch_end()
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(XT[:, 0]) and not np.array_equal(*epochs)
    np.testing.assert_array_equal(views({"target": XT}, batch_size=2, seed=4)[0]["target"][:, 0], epochs[0][:2])


def test_fit_takes_every_kind():
    random = np.random.default_rng(0)
    xs, ys, xt = random.normal(size=(12, 4)), random.integers(0, 3, 12), random.normal(size=(8, 4))
    sides = PairBatches({"source": (xs, ys)}, xt, batch_size=4, seed=0, steps=None, first_epoch=0)
    made = {"target_strong": keras.layers.GaussianNoise(0.5, seed=0)}
    for data in (views(sides, **made), views({"target": xt}, batch_size=4, **made)):
        model = TransferModel(common.small_model(), [Entropy()])
        common.compile_model(model)
        assert np.isfinite(model.fit(data, epochs=2, verbose=0, shuffle=False).history["loss"]).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="which the batch lacks: `unlabeled`. Received: unlabeled_strong"):
        views(batches(), unlabeled_strong=lambda rows: rows)[0]
    with pytest.raises(ValueError, match="which the batch lacks: `strong`. Received: strong"):
        views({"target": XT}, batch_size=2, strong=lambda rows: rows)[0]
    with pytest.raises(TypeError, match="`target` must be a Keras layer or a function of a batch. Received: target=3"):
        views(batches(), target=3)
    with pytest.raises(TypeError, match="`data` must be a tf.data.Dataset or a keras.utils.PyDataset.*ndarray"):
        views(XT, target_strong=lambda rows: rows)
    with pytest.raises(ValueError, match="as many rows in each view.*Received: {'source': 10, 'target': 6}"):
        views({"source": XS, "target": XT})
    with pytest.raises(ValueError, match="`target` must hold at least one batch of 32 rows. Received: 6 rows"):
        views({"target": XT})

import numpy as np
import pytest
from PIL import Image

from tlkeras.data import PairBatches, image_folder, pair, unlabelled_images
from tlkeras.testing import common
from tlkeras.transfer import TransferModel

XS, YS = np.arange(10.0)[:, None], np.arange(10) % 3
XT = 100 + np.arange(7.0)[:, None]


def batches(first_epoch=0, steps=None):
    return PairBatches({"source": (XS, YS)}, XT, batch_size=2, seed=3, steps=steps, first_epoch=first_epoch)


def test_views_and_labels_belong_together():
    seen = []
    for index in range(len(batches())):
        views, labels = batches()[index]
        np.testing.assert_array_equal(labels["source"], views["source"][:, 0] % 3)
        assert views["target"].min() >= 100 and len(views["target"]) == 2
        seen.extend(views["source"][:, 0])
    assert sorted(seen) == list(range(10))


def test_steps_override_the_epoch():
    assert len(batches()) == 5 and len(batches(steps=12)) == 12
    assert batches(steps=12)[11][0]["target"].shape == (2, 1)


def test_the_next_epoch_has_another_order_and_a_resumed_run_the_same():
    running = batches()
    first = [running[index] for index in range(len(running))][0][0]["source"]
    running.on_epoch_end()
    assert not np.array_equal(running[0][0]["source"], first)
    np.testing.assert_array_equal(batches(first_epoch=1)[0][0]["source"], running[0][0]["source"])


def test_fit_takes_the_epochs_in_turn_from_the_first(monkeypatch):
    served = []
    original = PairBatches.__getitem__

    def record(self, index):
        served.append((self.epoch, index))
        return original(self, index)

    monkeypatch.setattr(PairBatches, "__getitem__", record)
    model = TransferModel(common.small_model(), [])
    common.compile_model(model)
    random = np.random.default_rng(0)
    xs, ys, xt = random.normal(size=(40, 4)), random.integers(0, 3, 40), random.normal(size=(8, 4))
    data = PairBatches({"source": (xs, ys)}, xt, batch_size=4, seed=0, steps=None, first_epoch=5)
    model.fit(data, epochs=2, verbose=0, shuffle=False)
    assert set(served) == {(epoch, index) for epoch in (5, 6) for index in range(10)}


def test_the_pipeline_has_the_same_batches_and_a_peek_counts_no_epoch():
    pytest.importorskip("tensorflow")
    dataset, expected = pair((XS, YS), XT, batch_size=2, seed=3), batches()
    assert len(dataset) == 5
    next(iter(dataset))
    for _ in range(3):
        for index, (views, labels) in enumerate(dataset):
            wanted_views, wanted_labels = expected[index]
            np.testing.assert_array_equal(views["source"], wanted_views["source"])
            np.testing.assert_array_equal(views["target"], wanted_views["target"])
            np.testing.assert_array_equal(labels["source"], wanted_labels["source"])
        expected.on_epoch_end()
    resumed = pair((XS, YS), XT, batch_size=2, seed=3, first_epoch=3)
    np.testing.assert_array_equal(next(iter(resumed))[0]["source"], next(iter(dataset))[0]["source"])


def test_tf_data_pipelines_of_single_examples():
    tf = pytest.importorskip("tensorflow")
    source, target = tf.data.Dataset.from_tensor_slices((XS, YS)), tf.data.Dataset.from_tensor_slices(XT)
    for first, second in ((source, target), (source, XT), ((XS, YS), target)):
        dataset = pair(first, second, batch_size=2)
        assert len(dataset) == 5
        for views, labels in dataset:
            np.testing.assert_array_equal(labels["source"], views["source"][:, 0] % 3)
            assert views["target"].shape == (2, 1)
    with pytest.raises(ValueError, match="`steps` must be given.*Received: cardinality \\[-1, 7\\]"):
        pair(source.repeat(), target, batch_size=2)
    assert len(pair(source.repeat(), target, batch_size=2, steps=9)) == 9
    with pytest.raises(ValueError, match="Labels must be in 0..1"):
        pair(source, target, batch_size=5, num_classes=2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Labels must be in 0..1"):
        list(pair(source, target, batch_size=2, num_classes=2))
    with pytest.raises(ValueError, match="`target` must hold at least one batch of 8 rows. Received: 7 rows"):
        pair(source, target, batch_size=8)
    with pytest.raises(ValueError, match="`first_epoch` needs arrays"):
        pair(source, target, batch_size=2, first_epoch=1)
    with pytest.raises(ValueError, match="`target` is empty"):
        pair(source, target.take(0), batch_size=2)


def two_sources():
    return {"source": (XS, YS), "source_2": (200 + np.arange(6.0)[:, None], (200 + np.arange(6)) % 3)}


def check_two_sources(views, labels):
    assert sorted(views) == ["source", "source_2", "target"] and sorted(labels) == ["source", "source_2"]
    for view in labels:
        assert (views[view] >= 200).all() == (view == "source_2")
        np.testing.assert_array_equal(labels[view], views[view][:, 0] % 3)


def test_several_sources_in_numpy_leave_the_order_of_the_first():
    both = PairBatches(two_sources(), XT, batch_size=2, seed=3, steps=None, first_epoch=0)
    assert len(both) == 5
    for index in range(5):
        views, labels = both[index]
        check_two_sources(views, labels)
        for view in ("source", "target"):
            np.testing.assert_array_equal(views[view], batches()[index][0][view])


def test_several_sources_in_pipelines():
    tf = pytest.importorskip("tensorflow")
    arrays = PairBatches(two_sources(), XT, batch_size=2, seed=3, steps=None, first_epoch=0)
    for index, (views, labels) in enumerate(pair(two_sources(), XT, batch_size=2, seed=3)):
        for view, rows in views.items():
            np.testing.assert_array_equal(rows, arrays[index][0][view])
        check_two_sources({view: rows.numpy() for view, rows in views.items()}, labels)
    datasets = {view: tf.data.Dataset.from_tensor_slices(side) for view, side in two_sources().items()}
    for sources in (datasets, {**two_sources(), "source_2": datasets["source_2"]}):
        dataset = pair(sources, XT, batch_size=2, num_classes=3)
        assert len(dataset) == 5
        for views, labels in dataset:
            check_two_sources({view: rows.numpy() for view, rows in views.items()}, labels)


@pytest.mark.parametrize("names", [["photo"], ["source", "target"], []])
def test_sources_of_other_names_are_refused(names):
    with pytest.raises(ValueError, match="Several sources must be a dict by view"):
        pair({name: (XS, YS) for name in names}, XT, batch_size=2)


def test_a_mistake_in_a_further_source_is_named():
    with pytest.raises(ValueError, match="`source_2` needs one label for each input. Received: 10 inputs, 9 labels"):
        pair({"source": (XS, YS), "source_2": (XS, YS[:9])}, XT, batch_size=2)
    with pytest.raises(ValueError, match="`source_2` must hold at least one batch of 5 rows. Received: 4 rows"):
        pair({"source": (XS, YS), "source_2": (XS[:4], YS[:4])}, XT, batch_size=5)


def test_bad_input_is_refused_at_once():
    with pytest.raises(ValueError, match="`target` is empty"):
        pair((XS, YS), XT[:0], batch_size=2)
    with pytest.raises(ValueError, match="`target` must hold at least one batch of 8 rows. Received: 7 rows"):
        pair((XS, YS), XT, batch_size=8)
    with pytest.raises(ValueError, match="`steps` must be at least 1.*Received: steps=0"):
        pair((XS, YS), XT, batch_size=2, steps=0)
    with pytest.raises(ValueError, match="Received: 10 inputs, 9 labels"):
        pair((XS, YS[:9]), XT, batch_size=2)
    with pytest.raises(ValueError, match="Labels must be in 0..1"):
        pair((XS, YS), XT, batch_size=2, num_classes=2)
    with pytest.raises(ValueError, match="`source` must be \\(inputs, labels\\)"):
        pair(XS, XT, batch_size=2)
    images = np.random.default_rng(0).uniform(0, 1, (8, 4, 4, 1))
    with pytest.raises(ValueError, match="target images look scaled"):
        pair((images * 255, np.zeros(8)), images, batch_size=2)


def test_folders_of_images_are_decoded_a_batch_at_a_time(tmp_path):
    for domain, shade in (("studio", 40), ("street", 90)):
        for label, name in enumerate(("ants", "bees")):
            (tmp_path / domain / name).mkdir(parents=True)
            for index in range(3):
                colour = (shade, 100 * label, 0)
                Image.new("RGB", (8, 8), colour).save(tmp_path / domain / name / f"{index}.png")
    source, target = image_folder(tmp_path / "studio", (4, 4)), unlabelled_images(tmp_path / "street", (4, 4))
    lazy = pair(source, target, batch_size=2, seed=3, num_classes=2)
    whole = pair((source.images(), source.labels), target.images(), batch_size=2, seed=3, num_classes=2)
    assert isinstance(lazy, PairBatches) and len(lazy) == len(whole) == 3
    for index, (views, labels) in enumerate(whole):
        found, found_labels = lazy[index]
        np.testing.assert_array_equal(found["source"], views["source"])
        np.testing.assert_array_equal(found["target"], views["target"])
        np.testing.assert_array_equal(found_labels["source"], labels["source"])
    assert (np.asarray(views["source"])[:, 0, 0, 1] == 100 * np.asarray(labels["source"])).all()


@pytest.mark.parametrize("labels", [[0.5, np.nan, 1.0, 2.0], ["a", "b", "c", "d"]], ids=["nan", "strings"])
def test_labels_that_are_no_numbers_are_refused(labels):
    with pytest.raises(ValueError, match="`source labels` must be (finite|numbers)"):
        pair((np.zeros((4, 2)), labels), np.zeros((4, 2)), batch_size=2)


def test_values_and_several_labels_keep_their_shape():
    for labels in (np.arange(4.0), np.eye(4)[:, :3]):
        [(_, given), _] = pair((np.zeros((4, 2)), labels), np.zeros((4, 2)), batch_size=2)
        assert tuple(given["source"].shape) == (2, *labels.shape[1:])
    with pytest.raises(ValueError, match="whole numbers"):
        pair((np.zeros((4, 2)), np.arange(4.0) / 2), np.zeros((4, 2)), batch_size=2, num_classes=3)


def test_labels_of_several_outputs_and_maps_of_labels_stay_with_their_rows():
    inputs = np.arange(12.0)[:, np.newaxis]
    labels = {"digit": np.arange(12), "size": np.where(np.arange(12) % 2, np.nan, np.arange(12))}
    maps = np.arange(12)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 3), int)
    for answers in (labels, maps):
        for views, batch in pair((inputs, answers), inputs, batch_size=4):
            rows = np.array(views["source"])[:, 0].astype(int)
            if answers is maps:
                np.testing.assert_array_equal(batch["source"], maps[rows])
            else:
                for name, values in labels.items():
                    np.testing.assert_array_equal(batch["source"][name], values[rows])
    with pytest.raises(ValueError, match="12 inputs, 11 and 12 labels"):
        pair((inputs, {**labels, "size": labels["size"][:11]}), inputs)
    with pytest.raises(ValueError, match=r"labels of one output.*num_classes=12, labels of \['digit', 'size'\]"):
        pair((inputs, labels), inputs, num_classes=12)
    with pytest.raises(ValueError, match="Received: 6 labels outside, such as \\[11\\], the first in row 11"):
        pair((inputs, maps), inputs, num_classes=11)

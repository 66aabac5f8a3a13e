import keras
import numpy as np
import pytest

from tests.cache.models import images
from tlkeras.cache import source as source_module
from tlkeras.cache.source import open_source, rows_of

tensorflow_only = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data needs TensorFlow")


class Batches(keras.utils.PyDataset):
    def __init__(self, rows, labels=None, noise=0):
        super().__init__()
        self.rows, self.labels, self.noise, self.random = rows, labels, noise, np.random.default_rng(0)

    def __len__(self):
        return -(-len(self.rows) // 8)

    def __getitem__(self, index):
        rows = self.rows[8 * index : 8 * index + 8] + self.random.integers(0, 1 + self.noise)
        return rows if self.labels is None else (rows, self.labels[8 * index : 8 * index + 8])


def pipeline(rows, *, shuffle=False):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((rows, np.arange(len(rows))))
    return data.shuffle(len(rows), seed=1) if shuffle else data


def all_rows(source):
    return np.concatenate([rows for _, rows in source.read(range(len(source.sizes)))])


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(source_module, "MOST_ROWS", 7)


def test_arrays_memory_maps_and_sequences_give_the_same_chunks(tmp_path):
    rows = images(20)
    np.save(tmp_path / "rows.npy", rows)
    kinds = [rows, np.load(tmp_path / "rows.npy", mmap_mode="r"), list(rows)]
    sources = [open_source(data, 4) for data in kinds]
    for source in sources:
        assert source.sizes == (7, 7, 6)
        np.testing.assert_array_equal(all_rows(source), rows)
    assert len({source.fingerprint for source in sources}) == 1
    assert open_source(rows[::-1], 4).fingerprint != sources[0].fingerprint


def test_a_chunk_of_large_rows_stays_small(monkeypatch):
    monkeypatch.setattr(source_module, "LARGEST_CHUNK", 3 * 6 * 6 * 3)
    assert open_source(images(7), 4).sizes == (3, 3, 1)


@pytest.mark.parametrize("labels", [None, np.arange(20)])
def test_the_batches_of_a_py_dataset(labels):
    rows = images(20)
    source = open_source(Batches(rows, labels), 4)
    assert source.sizes == (8, 8, 4)
    np.testing.assert_array_equal(all_rows(source), rows)
    [(index, last)] = source.read([2])
    assert index == 2 and (last == rows[16:]).all()


@tensorflow_only
def test_a_pipeline_batched_or_not():
    rows = images(20)
    for data, sizes in ((pipeline(rows), (7, 7, 6)), (pipeline(rows).batch(8), (8, 8, 4))):
        source = open_source(data, 4)
        assert source.sizes == sizes
        np.testing.assert_array_equal(all_rows(source), rows)
        assert [index for index, _ in source.read([0, 2])] == [0, 2]
        np.testing.assert_array_equal(next(source.read([1]))[1], rows[sizes[0] :][: sizes[1]])


def test_a_data_set_that_augments_is_refused():
    source = open_source(Batches(images(20), noise=200), 4)
    with pytest.raises(ValueError, match=r"take shuffling and augmentation out .*Received: chunk 0 of Batches"):
        all_rows(source)


@tensorflow_only
def test_a_pipeline_that_shuffles_is_refused():
    source = open_source(pipeline(images(20), shuffle=True).batch(8), 4)
    with pytest.raises(ValueError, match="the same rows in the same order"):
        all_rows(source)


def test_a_name_spares_the_reading_of_the_rows():
    class Named:
        fingerprint = "photos of Tuesday"

        def __len__(self):
            return 20

        def __getitem__(self, rows):
            raise AssertionError("read")

    assert open_source(Named(), 4).fingerprint == "20 rows of photos of Tuesday"
    assert open_source(Named(), 4, "Monday").fingerprint == "20 rows of Monday"


@pytest.mark.parametrize("wrong", [(row for row in images(3)), {"source": images(3)}, "photos/", 5, None])
def test_what_cannot_be_read_twice_is_refused(wrong):
    with pytest.raises(TypeError, match=r"`data` must be an array.*Received: "):
        open_source(wrong, 4)


def test_no_rows_and_endless_rows_are_refused():
    with pytest.raises(ValueError, match="Received: no rows"):
        open_source(images(0), 4)
    with pytest.raises(ValueError, match="Received: no rows"):
        open_source(Batches(images(0)), 4)


def test_views_are_refused():
    with pytest.raises(ValueError, match="one array of rows"):
        rows_of(({"source": images(3), "target": images(3)}, np.arange(3)))


@tensorflow_only
def test_an_endless_pipeline_is_refused():
    with pytest.raises(ValueError, match="Received: endless rows"):
        open_source(pipeline(images(4)).repeat(), 4)

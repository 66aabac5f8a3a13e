import socket
import time

import numpy as np
import pytest

from tlkeras.data import from_tfds

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("tensorflow")
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), "uint8")


def prepare(folder, name, image, pixels, label=None, labels=None):
    labels = [row % 3 for row in range(len(pixels))] if labels is None else labels
    label = label or tfds.features.ClassLabel(names=["ant", "bee", "wasp"])
    examples = [(row, {"image": pixels[row], "label": labels[row]}) for row in range(len(pixels))]
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name, version="1.0.0", features=tfds.features.FeaturesDict({"image": image, "label": label}),
        split_datasets={"train": examples, "test": examples[:2]}, data_dir=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder, image = tmp_path_factory.mktemp("tfds"), tfds.features.Image
    prepare(folder, "colours", image(shape=(None, None, 3), encoding_format="png"), PIXELS)
    prepare(folder, "grey", image(shape=(8, 8, 1)), PIXELS[..., :1])
    prepare(folder, "deep", image(shape=(8, 8, 1), dtype=np.uint16), PIXELS[..., :1].astype("uint16") * 257)
    prepare(folder, "floats", image(shape=(8, 8, 1), dtype=np.float32), PIXELS[..., :1].astype("float32"))
    numbers = tfds.features.Tensor(shape=(), dtype=np.int64)
    prepare(folder, "unnamed", image(shape=(8, 8, 3)), PIXELS, label=numbers)
    prepare(folder, "hidden", image(shape=(8, 8, 3)), PIXELS, labels=[-1] * 9)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Every attempt to reach the network fails the test; the one mock here."""

    def refuse(*arguments, **options):
        pytest.fail(f"the network was asked for {arguments}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", ["colours", "grey", "deep"])
def test_a_prepared_set_is_read_offline(prepared, name):
    images = from_tfds(name, "train", size=(8, 8), data_dir=prepared)
    assert images.class_names == ("ant", "bee", "wasp") and images.counts == {"ant": 3, "bee": 3, "wasp": 3}
    wanted = PIXELS if name == "colours" else np.repeat(PIXELS[..., :1], 3, -1)
    order = [int(np.flatnonzero((wanted == image).all((1, 2, 3)))[0]) for image in images.images()]
    assert sorted(order) == list(range(9))  # TFDS shuffles when it prepares
    np.testing.assert_array_equal(images.labels, np.array(order) % 3)
    assert images[0].shape == (8, 8, 3) and images.names[0] == f"{name}/1.0.0/train/0"


def test_slices_splits_and_fingerprints(prepared):
    images = from_tfds("colours", "train", size=(8, 8), data_dir=str(prepared))
    again = from_tfds("colours:1.0.0", "train", size=(8, 8), data_dir=prepared)
    assert again.fingerprint == images.fingerprint != images.subset([1, 0]).fingerprint
    np.testing.assert_array_equal(from_tfds("colours", "train[:4]", size=(8, 8), data_dir=prepared)[:], images[:4])
    first, second = images.split((0.7, 0.3))
    assert len(first) + len(second) == 9 and set(second.labels) == {0, 1, 2}
    np.testing.assert_array_equal(second[0], images[images.names.index(second.names[0])])
    assert sum(len(images.batches(4)[index][1]) for index in range(2)) == 8


def test_an_unprepared_set_fails_at_once_with_the_command_that_prepares_it(tmp_path):
    start = time.perf_counter()
    with pytest.raises(ValueError) as raised:
        from_tfds("mnist", "train", size=(8, 8), data_dir=tmp_path)
    assert time.perf_counter() - start < 5
    message = str(raised.value)
    assert f"tfds.builder('mnist', data_dir={str(tmp_path)!r}).download_and_prepare()\"" in message
    assert message.endswith(f"Received: name='mnist', data_dir={tmp_path!r}") and not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="tfds.builder\\('no_such_set'\\).download_and_prepare"):
        from_tfds("no_such_set", "train", size=(8, 8))


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("colours", "validation", "`split` must be one of \\['test', 'train'\\].*Received: split='validation'"),
        ("floats", "train", "must be a data set of 8- or 16-bit images.*float32"),
        ("unnamed", "train", "with one class label each. Received: unnamed/1.0.0"),
        ("hidden", "train", "with 9 rows, 9 without a label"),
    ],
)
def test_sets_that_cannot_be_used(prepared, name, split, message):
    with pytest.raises(ValueError, match=message):
        from_tfds(name, split, size=(8, 8), data_dir=prepared)
    with pytest.raises(ValueError, match="`fit` must be"):
        from_tfds(name, split, size=(8, 8), data_dir=prepared, fit="pad")
    with pytest.raises(ValueError, match="`size` must be"):
        from_tfds(name, split, size=8, data_dir=prepared)

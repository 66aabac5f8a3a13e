import keras
import numpy as np
import pytest
from PIL import Image

from tlkeras.export.sample_files import read_samples


@pytest.fixture(scope="module")
def reader():
    return keras.Sequential([keras.Input((8, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])


@pytest.fixture
def photos(tmp_path):
    for place, name in enumerate(("bees", "ants")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (12, 16), (place * 100, number, 0)).save(tmp_path / "photos" / name / f"{number}.png")
    return tmp_path / "photos"


def test_a_folder_is_decoded_at_the_size_of_the_input(reader, photos):
    samples, labels = read_samples(photos, None, reader)
    assert samples.shape == (4, 8, 6, 3) and samples.dtype == np.uint8 and labels is None
    samples, labels = read_samples(photos, "folders", reader)
    assert labels.tolist() == [0, 0, 1, 1] and samples[:, 0, 0, 0].tolist() == [100, 100, 0, 0]  # ants, then bees


def test_arrays(reader, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 6, 3)))
    np.save(tmp_path / "y.npy", [0, 1, 1])
    samples, labels = read_samples(tmp_path / "x.npy", str(tmp_path / "y.npy"), reader)
    assert samples.shape == (3, 8, 6, 3) and labels.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match=r'`labels` can be "folders" where `samples` is a folder'):
        read_samples(tmp_path / "x.npy", "folders", reader)
    with pytest.raises(ValueError, match=r"`labels` cannot be read .*Received: .*none.npy"):
        read_samples(tmp_path / "x.npy", str(tmp_path / "none.npy"), reader)


def test_a_folder_for_a_model_of_vectors(photos):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=r"a folder of images where the model takes .*Received: \(4,\)"):
        read_samples(photos, None, model)


def test_a_folder_without_images_is_named_as_samples(reader, tmp_path):
    with pytest.raises(ValueError, match="^`samples` must hold images"):
        read_samples(tmp_path, None, reader)


@pytest.mark.parametrize("content", [np.float32(3), np.zeros((1, 4)), np.zeros((0, 4)), np.array(["a", None])])
def test_files_that_are_no_samples(reader, tmp_path, content):
    np.save(tmp_path / "x.npy", content)
    with pytest.raises(ValueError, match="`samples` .*Received: .*x.npy"):
        read_samples(tmp_path / "x.npy", None, reader)


def test_a_file_cut_short(reader, tmp_path):
    (tmp_path / "x.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="`samples` cannot be read"):
        read_samples(tmp_path / "x.npy", None, reader)

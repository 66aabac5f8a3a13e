import os
import pathlib
import shutil
import time

import keras
import numpy as np
import pytest
from PIL import Image

from tlkeras.data import folders, image_folder, unlabelled_images

COLOURS = {"ants": (200, 0, 0), "bees": (0, 200, 0), "Käfer": (0, 0, 200)}


@pytest.fixture
def photos(tmp_path):
    """Three classes with 5, 4 and 3 images of one colour."""
    for count, (name, colour) in zip((5, 4, 3), COLOURS.items(), strict=True):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (30, 20 + index), colour).save(tmp_path / "photos" / name / f"{index}.jpg", quality=95)
    return tmp_path / "photos"


def test_pixels_labels_and_names_belong_together(photos):
    folder = image_folder(photos, (16, 24))
    assert folder.class_names == ("Käfer", "ants", "bees") and len(folder) == 12
    assert folder.counts == {"Käfer": 3, "ants": 5, "bees": 4}
    pixels = folder.images()
    assert pixels.shape == (12, 16, 24, 3) and pixels.dtype == "uint8"
    for row, (path, label) in enumerate(zip(folder.paths, folder.labels, strict=True)):
        assert path.is_file() and path.parent.name == folder.class_names[label]
        assert np.abs(pixels[row, 8, 12].astype(int) - COLOURS[path.parent.name]).max() < 6
    np.testing.assert_array_equal(folder[np.array([7, 2])], pixels[[7, 2]])
    np.testing.assert_array_equal(folder[folder.labels == 1], pixels[3:8])
    np.testing.assert_array_equal(folder[4:6], pixels[4:6])
    np.testing.assert_array_equal(folder[-1], pixels[-1])
    assert folder[[]].shape == (0, 16, 24, 3)
    with pytest.raises(IndexError):
        folder[12]


def test_every_unreadable_file_is_named_before_training(photos):
    (photos / "ants" / "1.jpg").write_bytes(b"")
    (photos / "bees" / "2.jpg").write_bytes((photos / "bees" / "2.jpg").read_bytes()[:500])
    (photos / "bees" / "3.jpg").write_text("not a photo")
    (photos / "ants" / "phone.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic")
    with pytest.raises(ValueError) as raised:
        image_folder(photos, (16, 16))
    message = str(raised.value)
    assert message.startswith("4 of 13 images") and "skip_unreadable=True" in message
    for line in ("ants/1.jpg: the file is empty", "bees/2.jpg: ", "bees/3.jpg: no image format", "ants/phone.HEIC: "):
        assert line in message


def test_unreadable_files_are_skipped_and_counted_when_asked(photos, capsys):
    (photos / "ants" / "1.jpg").write_bytes(b"")
    folder = image_folder(photos, (16, 16), skip_unreadable=True)
    assert folder.counts["ants"] == 4 and len(folder.images()) == 11
    printed = capsys.readouterr().out
    assert "skipped 1 unreadable images" in printed and "ants/1.jpg: the file is empty" in printed
    (photos / "Käfer" / "0.jpg").write_bytes(b"")
    (photos / "Käfer" / "1.jpg").write_bytes(b"")
    (photos / "Käfer" / "2.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="must hold an image that can be read.*none in .*Käfer"):
        image_folder(photos, (16, 16), skip_unreadable=True)


def test_a_long_verification_says_how_far_it_is(photos, monkeypatch, capsys):
    monkeypatch.setattr(folders, "SILENCE", 0)
    image_folder(photos, (8, 8))
    assert "verified 6 of 12 images\n" in capsys.readouterr().err


def test_an_empty_class_folder_is_named(photos):
    (photos / "wasps").mkdir()
    (photos / "wasps" / "notes.txt").touch()
    with pytest.raises(ValueError, match="Received: none in \\['.*wasps'\\], 1 other files ignored"):
        image_folder(photos, (16, 16))


def test_other_files_are_counted_and_hidden_ones_are_not_seen(photos, capsys):
    (photos / "ants" / "labels.csv").touch()
    (photos / "ants" / "README").touch()
    (photos / "ants" / ".DS_Store").touch()
    (photos / ".ipynb_checkpoints").mkdir()
    shutil.copy(photos / "ants" / "0.jpg", photos / "loose.jpg")
    folder = image_folder(photos, (16, 16))
    assert len(folder.class_names) == 3 and len(folder) == 12
    printed = capsys.readouterr().out
    assert "ignored 3 files that are no images (1 .csv, 1 .jpg beside the class folders, 1 no extension)" in printed


@pytest.mark.parametrize("make", ["file", "missing", "empty", "images"])
def test_a_directory_without_class_folders(tmp_path, make):
    directory = tmp_path / "here"
    if make == "file":
        directory.touch()
    elif make != "missing":
        directory.mkdir()
    if make == "images":
        Image.new("RGB", (4, 4)).save(directory / "1.png")
    with pytest.raises(ValueError, match="one folder for each class. Received: .*here"):
        image_folder(directory, (16, 16))


def test_the_folder_above_train_and_val_is_refused(photos):
    shutil.copytree(photos, photos.parent / "data" / "train")
    shutil.copytree(photos, photos.parent / "data" / "val")
    with pytest.raises(ValueError, match="parts of a data set: choose one of them. .*\\['train', 'val'\\]"):
        image_folder(photos.parent / "data", (16, 16))


def test_nested_folders_and_links(photos):
    (photos / "ants" / "garden").mkdir()
    shutil.move(photos / "ants" / "0.jpg", photos / "ants" / "garden" / "0.jpg")
    (photos / "ants" / "garden" / "round").symlink_to(photos / "ants")
    (photos / "ants" / "up").symlink_to(photos)
    elsewhere = photos.parent / "elsewhere"
    shutil.copytree(photos / "bees", elsewhere)
    (photos / "wasps").symlink_to(elsewhere)
    (photos / "bees" / "link.jpg").symlink_to(photos / "bees" / "0.jpg")
    assert image_folder(photos, (8, 8)).counts == {"Käfer": 3, "ants": 5, "bees": 5, "wasps": 4}
    (photos / "bees" / "broken.jpg").symlink_to(photos / "nowhere.jpg")
    with pytest.raises(ValueError, match="bees/broken.jpg: .*No such file"):
        image_folder(photos, (8, 8))


def test_the_classes_of_a_test_set_must_be_those_of_training(photos):
    names = image_folder(photos, (8, 8)).class_names
    reordered = image_folder(photos, (8, 8), class_names=names[::-1])
    assert reordered.class_names == ("bees", "ants", "Käfer") and reordered.paths[0].parent.name == "bees"
    with pytest.raises(ValueError, match="missing folders \\['wasps'\\], folders of no class \\['bees'\\]"):
        image_folder(photos, (8, 8), class_names=["Käfer", "ants", "wasps"])
    with pytest.raises(ValueError, match="each once"):
        image_folder(photos, (8, 8), class_names=[*names, "ants"])
    (photos / "Käfer").rename(photos / "Ka\u0308fer")  # as macOS writes it
    assert image_folder(photos, (8, 8), class_names=names).counts["Käfer"] == 3


@pytest.mark.parametrize("size", [224, (224,), (0, 8), (8, 8, 3), (8.5, 8)])
def test_a_size_that_is_none(photos, size):
    with pytest.raises(ValueError, match="`size` must be \\(height, width\\) in pixels. Received: size="):
        image_folder(photos, size)
    with pytest.raises(ValueError, match="`fit` must be"):
        image_folder(photos, (8, 8), fit="pad")


def test_the_fingerprint_tells_pixels_and_not_places(photos):
    folder = image_folder(photos, (8, 8))
    copy = photos.parent / "copy"
    shutil.copytree(photos, copy)
    os.utime(copy / "ants" / "0.jpg", (0, 0))
    assert image_folder(copy, (8, 8)).fingerprint == folder.fingerprint
    others = [
        image_folder(photos, (8, 9)), image_folder(photos, (8, 8), fit="stretch"), folder.subset(slice(1, None)),
        folder.subset(np.arange(12)[::-1]),
    ]  # fmt: skip
    Image.new("RGB", (30, 20), (9, 9, 9)).save(copy / "ants" / "0.jpg")
    others.append(image_folder(copy, (8, 8)))
    assert len({folder.fingerprint, *(other.fingerprint for other in others)}) == 6
    assert folder.shaped((8, 9, 3)).fingerprint == others[0].fingerprint
    grey = folder.shaped((8, 9, 1))
    assert grey.fingerprint != others[0].fingerprint and grey.images().shape == (12, 8, 9, 1)
    np.testing.assert_array_equal(grey[:], image_folder(photos, (8, 9), channels=1)[:])
    with pytest.raises(ValueError, match="Received: channels=2"):
        folder.shaped((8, 9, 2))


def test_split_and_subset_keep_classes(photos):
    folder = image_folder(photos, (8, 8))
    train, test = folder.split((0.7, 0.3), seed=1)
    assert set(train.names) | set(test.names) == set(folder.names) and len(train) + len(test) == 12
    assert min(test.counts.values()) >= 1 and train.class_names == folder.class_names
    np.testing.assert_array_equal(train[0], folder[folder.names.index(train.names[0])])
    for index in (1, 2):
        (photos / "Käfer" / f"{index}.jpg").unlink()
    with pytest.raises(ValueError, match="at least 2 rows of every class. Received: 1 of class 'Käfer'"):
        image_folder(photos, (8, 8)).split((0.5, 0.5))


def test_a_file_that_goes_away_later_is_named(photos):
    folder = image_folder(photos, (8, 8))
    (photos / "ants" / "2.jpg").unlink()
    with pytest.raises(ValueError, match="ants/2.jpg cannot be decoded. Received: .*No such file"):
        folder.images()


def test_batches_are_a_function_of_seed_and_epoch(photos):
    folder = image_folder(photos, (8, 8))
    running = folder.batches(5, seed=3)
    assert len(running) == 2
    first = [running[index] for index in range(2)]
    for images, labels in first:
        assert images.shape == (5, 8, 8, 3) and images.dtype == "uint8"
        colours = np.array([COLOURS[folder.class_names[label]] for label in labels])
        assert np.abs(images[:, 4, 4].astype(int) - colours).max() < 6
    running.on_epoch_end()
    resumed = folder.batches(5, seed=3, first_epoch=1)
    np.testing.assert_array_equal(resumed[1][0], running[1][0])
    assert not np.array_equal(first[1][1], resumed[1][1]) or not np.array_equal(first[1][0], resumed[1][0])
    whole = folder.batches(5, shuffle=False)
    assert [len(whole[index][1]) for index in range(len(whole))] == [5, 5, 2]
    np.testing.assert_array_equal(np.concatenate([whole[index][1] for index in range(3)]), folder.labels)
    assert len(folder.batches(64)) == 1 and len(folder.batches(64)[0][1]) == 12
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        folder.batches(0)


def test_keras_trains_on_the_batches(photos):
    folder = image_folder(photos, (8, 8))
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    data = folder.batches(4)
    model.fit(data, epochs=30, verbose=0, shuffle=False)
    assert data.epoch == 30
    assert model.evaluate(folder.batches(5, shuffle=False), verbose=0)[1] == 1.0


DATA = os.environ.get("TLKERAS_DATA")


@pytest.mark.skipif(not DATA, reason="TLKERAS_DATA is not set: no real photos")
def test_real_photos():
    start = time.perf_counter()
    folder = image_folder(pathlib.Path(DATA, "hymenoptera", "train"), (224, 224))
    assert folder.counts == {"ants": 123, "bees": 121}
    assert time.perf_counter() - start < 20
    assert 60 < folder[::20].mean() < 200
    val = image_folder(pathlib.Path(DATA, "hymenoptera", "val"), (224, 224), class_names=folder.class_names)
    assert len(val) == 153


def test_unlabelled_images_are_found_wherever_they_are(photos, capsys):
    shutil.copy(photos / "ants" / "0.jpg", photos / "loose.jpg")
    (photos / "notes.txt").write_text("no image")
    found = unlabelled_images(photos, (8, 8))
    assert len(found) == 13 and "loose.jpg" in found.names and "ants/0.jpg" in found.names
    assert found.class_names == () and found.counts == {} and set(found.labels) == {-1}
    np.testing.assert_array_equal(found.subset([2]).images()[0], found[2])
    assert "ignored 1 files" in capsys.readouterr().out


def test_unlabelled_images_that_cannot_be_read_are_named(photos, tmp_path, capsys):
    (photos / "ants" / "1.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"(?s)1 of 12 images.*ants/1.jpg: the file is empty"):
        unlabelled_images(photos, (8, 8))
    assert len(unlabelled_images(photos, (8, 8), skip_unreadable=True)) == 11
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="`directory` must hold images"):
        unlabelled_images(tmp_path / "empty", (8, 8))
    with pytest.raises(ValueError, match="`directory` must be a folder of images"):
        unlabelled_images(tmp_path / "nowhere", (8, 8))

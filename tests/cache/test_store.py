import errno
import json
import os
import resource
import shutil
import subprocess

import numpy as np
import pytest

from tlkeras.cache.store import Store

ROWS = np.arange(10 * 3, dtype="float32").reshape(10, 3)
SIZES = (4, 4, 2)


def fill(store, wanted=None):
    missing = store.begin(SIZES, (3,), "float32")
    for index in missing if wanted is None else wanted:
        store.write(index, ROWS[4 * index : 4 * index + SIZES[index]])
    return missing


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache", "key")


@pytest.fixture
def whole(store):
    fill(store)
    store.finish()
    return store


def test_the_file_appears_whole_and_is_a_plain_npy(store):
    assert not store.is_whole()
    assert fill(store) == [0, 1, 2]
    assert not store.path.exists() and not store.is_whole()
    store.finish()
    assert store.is_whole() and not store.part.exists()
    np.testing.assert_array_equal(np.load(store.path), ROWS)
    mapped = store.open()
    assert isinstance(mapped, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 0


def test_it_goes_on_where_it_stopped(store, capsys):
    fill(store, [0, 2])
    again = Store(store.directory, "key")
    assert fill(again) == [1]
    assert "2 of 3 chunks are good and stay" in capsys.readouterr().err
    again.finish()
    np.testing.assert_array_equal(again.open(), ROWS)


def test_a_line_torn_by_a_kill_costs_its_chunk_only(store):
    fill(store, [0, 1])
    content = store.record.read_text()
    store.record.write_text(content[:-40])
    assert fill(Store(store.directory, "key")) == [1, 2]
    assert Store(store.directory, "key").begin(SIZES, (3,), "float32") == []


def test_a_record_ahead_of_its_chunk_is_not_believed(store):
    fill(store)
    with open(store.part, "r+b") as file:  # a power cut may keep the record and lose the rows
        file.truncate(128 + 5 * 12)
    assert fill(Store(store.directory, "key")) == [1, 2]


def _truncate(path):
    os.truncate(path, path.stat().st_size - 4)


def _extend(path):
    path.write_bytes(path.read_bytes() + b"more")


def _alter(path):
    content = bytearray(path.read_bytes())
    content[128 + 5 * 12] ^= 1
    path.write_bytes(content)


def _behead(path):
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)


def _empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "lost"),
    [(_truncate, [2]), (_extend, []), (_alter, [1]), (_behead, [0, 1, 2]), (_empty, [0, 1, 2])],
)
def test_a_damaged_file_is_seen_and_what_is_good_stays(whole, damage, lost, capsys):
    damage(whole.path)
    assert not whole.is_whole()
    assert fill(whole) == lost
    assert "is incomplete or damaged" in capsys.readouterr().err
    whole.finish()
    assert whole.is_whole()
    np.testing.assert_array_equal(whole.open(), ROWS)


@pytest.mark.parametrize("record", [None, b"", b"\xff\xfe{", b"[]", json.dumps({"sizes": [10]}).encode()])
def test_without_a_record_nothing_is_believed(whole, record):
    whole.record.unlink() if record is None else whole.record.write_bytes(record)
    assert not whole.is_whole()
    assert fill(whole) == [0, 1, 2]
    whole.finish()
    assert whole.is_whole()


def test_a_full_disk_is_said_before_the_pass(store, monkeypatch):
    usage = shutil.disk_usage(store.directory)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"must have room for 248 more bytes.*cache with 100 bytes free") as caught:
        fill(store)
    assert caught.value.errno == errno.ENOSPC


def test_a_disk_that_becomes_full_says_so_and_keeps_what_is_there(store):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (128 + 6 * 12, before[1]))
    try:
        with pytest.raises(OSError, match=r"make room for 48 bytes and call again.*what was computed is kept.*cache"):
            fill(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert fill(Store(store.directory, "key")) == [1, 2]


def test_a_real_full_disk(tmp_path):
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True).returncode
    ):
        pytest.skip("a small file system can be mounted by root only")
    try:
        store, wide = Store(tmp_path, "key"), np.ones((4, 1000), "float32")
        with pytest.raises(OSError, match="must have room for 80,128 more bytes"):
            store.begin((4,) * 5, (1000,), "float32")
        assert len(store.begin((4,) * 3, (1000,), "float32")) == 3
        store.write(0, wide)
        (tmp_path / "somebody else's").write_bytes(bytes(20_000))
        with pytest.raises(OSError, match="has become full"):
            [store.write(index, wide) for index in (1, 2)]
        (tmp_path / "somebody else's").unlink()
        missing = store.begin((4,) * 3, (1000,), "float32")
        assert 0 not in missing and 2 in missing
        [store.write(index, wide) for index in missing]
        store.finish()
        assert store.is_whole()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_another_layout_starts_over(store):
    fill(store)
    assert store.begin((5, 5), (3,), "float32") == [0, 1]


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"`directory` must be a folder. Received: .*file"):
        Store(tmp_path / "file", "key")

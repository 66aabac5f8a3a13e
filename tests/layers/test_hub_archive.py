import io
import shutil
import tarfile

import numpy as np
import pytest

from tests.layers.hub_models import pack, save_module
from tlkeras.layers import hub_archive
from tlkeras.layers.hub_archive import unpack_archive
from tlkeras.layers.hub_layer import HubLayer


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tmp_path):
    return save_module(tmp_path / "model")


def outputs(handle):
    return HubLayer(handle)(np.ones((1, 2), "float32")).numpy().tolist()


@pytest.mark.parametrize("prefix", [".", "model_1"])
def test_an_archive_is_unpacked_once_into_the_cache(model, tmp_path, cache, monkeypatch, prefix):
    archive = pack(model, tmp_path / "m.tar.gz", prefix)
    assert outputs(archive) == [[1.0, 2.0]]
    assert [p.name[0] != "." for p in cache.iterdir()] == [True]
    entry = next(cache.iterdir())
    shutil.copy(archive, tmp_path / "other_name.tar.gz")
    monkeypatch.setattr(tarfile, "open", None)
    assert outputs(tmp_path / "other_name.tar.gz") == [[1.0, 2.0]]
    assert list(cache.iterdir()) == [entry]


def evil_archive(path, change):
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("saved_model.pb")
        member.size = 1
        change(member)
        tar.addfile(member, io.BytesIO(b"x"))
    return path


def as_link(member):
    member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc", 0


def as_hard_link(member):
    member.type, member.linkname, member.size = tarfile.LNKTYPE, "../x", 0


def as_device(member):
    member.type, member.size = tarfile.CHRTYPE, 0


def named(name):
    def change(member):
        member.name = name

    return change


@pytest.mark.parametrize(
    "change",
    [named("../evil"), named("a/../../evil"), named("/tmp/evil"), named("..\\evil"), as_link, as_hard_link, as_device],
)
def test_an_unsafe_member_is_refused_by_name_and_nothing_is_kept(tmp_path, cache, change):
    archive = evil_archive(tmp_path / "evil.tar.gz", change)
    with pytest.raises(ValueError, match="relative names without `..`.*Received: member '.*' in "):
        unpack_archive(archive)
    assert not (tmp_path / "evil").exists() and list(cache.iterdir()) == []


def test_a_truncated_archive_is_a_clear_error_and_leaves_no_cache_entry(model, tmp_path, cache):
    archive = pack(model, tmp_path / "m.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(ValueError, match="whole .tar.gz.*Received: "):
        unpack_archive(archive)
    assert list(cache.iterdir()) == []


def bomb(path, sizes):
    with tarfile.open(path, "w:gz") as tar:
        for index, size in enumerate(sizes):
            member = tarfile.TarInfo(f"file_{index}")
            member.size = size
            tar.addfile(member, io.BytesIO(bytes(size)))
    return path


def test_an_archive_beyond_the_limit_is_refused_before_it_is_written(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(hub_archive, "_LARGEST", 3_000_000)
    written = []
    copy = shutil.copyfileobj
    monkeypatch.setattr(shutil, "copyfileobj", lambda source, out: (copy(source, out), written.append(out.tell())))
    assert unpack_archive(bomb(tmp_path / "fits.tar.gz", [1_000_000, 2_000_000])).is_dir()
    assert sum(written) == 3_000_000
    archive = bomb(tmp_path / "bomb.tar.gz", [1_000_000, 2_000_001])
    with pytest.raises(ValueError, match="at most 3,000,000 bytes.*unpack it yourself.*Received: .* 3,000,001 in it"):
        unpack_archive(archive)
    assert sum(written) == 4_000_000
    assert len(list(cache.iterdir())) == 1


def test_beyond_a_size_the_ratio_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(hub_archive, "_FREE", 1_000_000)
    assert unpack_archive(bomb(tmp_path / "small.tar.gz", [1_000_000])).is_dir()
    with pytest.raises(ValueError, match="at most 100 times its own size"):
        unpack_archive(bomb(tmp_path / "bomb.tar.gz", [1_000_001]))
    noise = tmp_path / "noise"
    noise.write_bytes(np.random.default_rng(0).bytes(1_000_001))
    assert unpack_archive(pack(noise, tmp_path / "noise.tar.gz", "noise")).is_dir()


def test_a_thousand_empty_files_are_not_free(tmp_path, monkeypatch):
    monkeypatch.setattr(hub_archive, "_LARGEST", 1_000_000)
    with pytest.raises(ValueError, match="at most 1,000,000 bytes"):
        unpack_archive(bomb(tmp_path / "bomb.tar.gz", [0] * 1000))

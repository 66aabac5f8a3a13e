import subprocess
import sys
import time

import pytest

from tlkeras.export import commit
from tlkeras.export.atomic import replacing_directory, replacing_file
from tlkeras.export.switch import replacing_files

KILLED = """
import sys, time
from pathlib import Path
from tlkeras.export import atomic, switch
folder = Path(sys.argv[1])
with (
    atomic.replacing_file(folder / "file" / "a.json") as file,
    atomic.replacing_directory(folder / "directory" / "d", "m") as directory,
    switch.replacing_files(folder / "files", ["a.json"]) as files,
):
    for path in (file, directory / "m", files / "a.json"):
        path.write_text("half")
    (folder / "started").touch()
    time.sleep(600)
"""


def write_all(folder):
    with replacing_file(folder / "file" / "a.json") as path:
        path.write_text("new")
    with replacing_directory(folder / "directory" / "d", "m") as path:
        (path / "m").write_text("new")
    with replacing_files(folder / "files", ["a.json"]) as path:
        (path / "a.json").write_text("new")


def test_the_next_one_cleans_up_after_the_killed_and_leaves_the_living_alone(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)])
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    temporary = sorted(tmp_path.glob("*/.*.tmp"))
    (tmp_path / "file" / ".a.json.tmp").mkdir()  # somebody's
    write_all(tmp_path)
    assert len(temporary) == 3 and all(path.exists() for path in temporary)
    process.kill()
    process.wait()
    write_all(tmp_path)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["directory/d/m", "file/a.json", "files/a.json", "started"]
    assert {(tmp_path / name).read_text() for name in files[:-1]} == {"new"}
    assert [path.name for path in tmp_path.glob("*/.*")] == [".a.json.tmp"]


def test_what_had_begun_to_move_is_moved_by_the_next_one(tmp_path):
    work = tmp_path / ".export.0123abcd.tmp"
    for name in ("a.json", "saved_model/saved_model.pb"):
        (work / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (work / "files" / name).write_text("new")
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "saved_model.pb").write_text("old")
    (work / commit.READY).touch()
    with pytest.raises(ValueError, match="mine"), replacing_files(tmp_path, []):
        raise ValueError("mine")
    assert (tmp_path / "a.json").read_text() == (tmp_path / "saved_model" / "saved_model.pb").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "saved_model"]


def test_a_swap_cut_in_two_is_put_back(tmp_path):
    aside = tmp_path / ".d.0123abcd.tmp" / "aside"
    aside.mkdir(parents=True)
    (aside / "m").write_text("old")
    with pytest.raises(ValueError), replacing_directory(tmp_path / "d", "m"):
        raise ValueError
    assert (tmp_path / "d" / "m").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_several_files_appear_together_beside_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "a.json").write_text("old")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError), replacing_files("", ["a.json", "b"]) as folder:
        (folder / "a.json").write_text("half")
        raise ValueError
    assert (tmp_path / "a.json").read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    with replacing_files("", ["a.json", "b"]) as folder:
        (folder / "a.json").write_text("new")
        (folder / "b").mkdir()
        assert (tmp_path / "a.json").read_text() == "old"
    assert (tmp_path / "a.json").read_text() == "new" and (tmp_path / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b", "notes.txt"]


def test_files_that_cannot_move_are_kept_for_the_next_one(tmp_path):
    (tmp_path / "a.json").mkdir()
    (tmp_path / "a.json" / "mine").touch()
    with pytest.raises(OSError), replacing_files(tmp_path, []) as folder:
        (folder / "a.json").write_text("new")
    assert (tmp_path / "a.json" / "mine").exists()
    (tmp_path / "a.json" / "mine").unlink()
    (tmp_path / "a.json").rmdir()
    with replacing_files(tmp_path, []):
        pass
    assert (tmp_path / "a.json").read_text() == "new" and len(list(tmp_path.iterdir())) == 1

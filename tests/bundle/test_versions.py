import subprocess
import sys

import pytest

from tlkeras.bundle.sums import write_sums
from tlkeras.bundle.versions import new_version, versions


def write(folder, version=None, text="x"):
    with new_version(folder, version) as (directory, number):
        (directory / "bundle.json").write_text(text)
        write_sums(directory)
    return number


def test_numbers_rise_and_what_is_there_is_never_changed(tmp_path):
    folder = tmp_path / "saved" / "name"
    assert [write(folder, text="first"), write(folder), write(folder, 10), write(folder)] == [1, 2, 10, 11]
    assert versions(folder) == [1, 2, 10, 11]
    with pytest.raises(FileExistsError, match=r"`version` must be a new one.*Received: 1; .*holds 1, 2, 10, 11"):
        write(folder, 1, text="second")
    assert (folder / "1" / "bundle.json").read_text() == "first"


@pytest.mark.parametrize("version", [0, -1, "1", True, 1.0])
def test_a_version_is_a_number_from_1(tmp_path, version):
    with pytest.raises(ValueError, match=f"`version` must be a number from 1. Received: {version!r}"):
        write(tmp_path / "name", version)
    assert not (tmp_path / "name").exists()


def test_what_is_no_folder_of_versions_is_refused(tmp_path):
    (tmp_path / "glyphs").mkdir()
    (tmp_path / "glyphs" / "saved_model.pb").touch()
    with pytest.raises(FileExistsError, match="hold numbered versions only. Received: .*glyphs with saved_model.pb"):
        write(tmp_path / "glyphs")
    with pytest.raises(FileExistsError, match="Received: .*saved_model.pb, a file"):
        write(tmp_path / "glyphs" / "saved_model.pb")
    assert [path.name for path in (tmp_path / "glyphs").iterdir()] == ["saved_model.pb"]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), new_version(tmp_path / "name") as (directory, _):
        (directory / "bundle.json").touch()
        raise KeyError
    assert versions(tmp_path / "name") == [] and write(tmp_path / "name") == 1


def test_two_processes_take_different_numbers(tmp_path):
    code = (
        "import sys; folder = sys.argv[1]; sys.argv[0] = 'tlkeras'; from tlkeras.bundle.versions import new_version\n"
        "with new_version(folder) as (directory, number):\n"
        "    (directory / 'bundle.json').touch(); print('in', flush=True); sys.stdin.readline()\n"
        "print(number)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "name")]
    first, second = (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    lines = sorted([first.stdout.readline(), second.stdout.readline()])
    assert lines[0].startswith("another process writes a version of") and lines[1] == "in\n"
    for process in (first, second):
        process.stdin.write("\n")
        process.stdin.flush()
    rest = [process.communicate(timeout=60)[0].split() for process in (first, second)]
    assert sorted(words[-1] for words in rest) == ["1", "2"] and versions(tmp_path / "name") == [1, 2]

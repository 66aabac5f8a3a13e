import subprocess
import sys
import time

import pytest

from tests.recipes.processes import ENVIRONMENT, ROOT
from tlkeras.tuning import beats
from tlkeras.tuning.beats import Watch, beating


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(beats, "SECONDS", 0.01)


def test_what_beats_is_not_silent_and_leaves_nothing(quick, tmp_path):
    path = tmp_path / "workers" / "one"
    with beating(path):
        watch = Watch(path)
        time.sleep(0.5)
        assert watch.silence() < 0.4
    assert not path.exists()
    time.sleep(0.2)
    assert 0.2 <= watch.silence() < 5


def test_silence_grows_from_the_last_number(tmp_path):
    path = tmp_path / "one"
    path.write_text("abc 1")
    watch = Watch(path)
    time.sleep(0.1)
    path.write_text("")
    assert 0.1 <= watch.silence() < 5
    path.write_text("abc 2")
    assert watch.silence() < 0.05
    path.write_text("another 3")
    assert watch.silence() == float("inf")


@pytest.mark.parametrize(("content", "code"), [(None, 0), ("another 1", 1), ("silent 1", 1)])
def test_a_process_ends_with_the_one_that_it_watches(tmp_path, content, code):
    watched = tmp_path / "chief"
    watched.write_text("silent 1")
    program = f"""
import pathlib, time
from tlkeras.tuning import beats
beats.SECONDS, beats.PATIENCE = 0.05, 0.5
with beats.beating(pathlib.Path({str(tmp_path / "one")!r}), watched=pathlib.Path({str(watched)!r})):
    print("beats", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "beats\n"
    if content is None:
        watched.unlink()
    else:
        watched.write_text(content)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == code and not (tmp_path / "one").exists()
    assert ("has ended the search" if code == 0 else "does not answer any more") in said

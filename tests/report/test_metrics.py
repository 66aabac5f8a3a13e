import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tlkeras.report import versions, write_json


def test_numpy_and_paths_become_plain_json(tmp_path):
    content = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": (1, Path("x/y")),
        "d": float("nan"),
        "e": {1: np.bool_(True)},
    }
    path = write_json(tmp_path / "new" / "metrics.json", content)
    assert json.loads(path.read_text()) == {"a": 0.5, "b": [0, 1, 2], "c": [1, "x/y"], "d": None, "e": {"1": True}}
    assert [path.name for path in path.parent.iterdir()] == ["metrics.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_json(tmp_path / "metrics.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]


def test_the_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    path = write_json(tmp_path / "metrics.json", {})
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match="Received"):
        write_json(tmp_path, {})


def test_versions():
    found = versions()
    assert found["numpy"] == np.__version__ and found["tlkeras"] and found["keras"] and found["backend"]
    assert all(isinstance(value, str) for value in found.values())


def test_importing_the_reports_names_loads_no_plotting_library():
    code = (
        "import sys; sys.argv = ['tlkeras']; import tlkeras.report; print({'matplotlib', 'sklearn'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"

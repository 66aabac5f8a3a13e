import os
import shutil
import stat

import pytest

from tlkeras.bundle import litertjs
from tlkeras.bundle.litertjs import FILES, runtime_files


def an_npm(folder, lines):
    """A program named npm that does what the lines say, and is all that is on PATH."""
    (folder / "bin").mkdir()
    npm = folder / "bin" / "npm"
    npm.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    return str(folder / "bin")


def test_without_npm_the_error_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="npm fetches once: install Node.js.*Received: no npm on PATH"):
        runtime_files(tmp_path / "cache")


def test_what_npm_says_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", an_npm(tmp_path, ["echo 'npm warn x' >&2", "echo 'npm error no network' >&2", "exit 1"]))
    with pytest.raises(RuntimeError, match=r"npm cannot fetch @litertjs/core@2.5.3 .*Received: npm error no network$"):
        runtime_files(tmp_path / "cache")


def test_other_files_than_the_known_are_not_used(tmp_path, monkeypatch):
    lines = [f"/bin/mkdir -p $3/node_modules/{os.path.dirname(path)}; echo x > $3/node_modules/{path}"
             for path in FILES.values()]  # fmt: skip
    monkeypatch.setenv("PATH", an_npm(tmp_path, lines))
    with pytest.raises(RuntimeError, match="known here, by their SHA-256. Received: others"):
        runtime_files(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_they_are_fetched_once_and_a_damaged_cache_again(tmp_path, monkeypatch):
    count, contents = tmp_path / "count", {name: name.encode() for name in FILES}
    digests = {name: litertjs.hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(litertjs, "DIGESTS", digests)
    lines = [f"/bin/mkdir -p $3/node_modules/{os.path.dirname(path)}; printf {name} > $3/node_modules/{path}"
             for name, path in FILES.items()]  # fmt: skip
    monkeypatch.setenv("PATH", an_npm(tmp_path, [f"echo x >> {count}", *lines]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert runtime_files() == runtime_files() == contents and count.read_text() == "x\n"
    damaged = tmp_path / "home" / "tlkeras" / "litertjs" / litertjs.VERSION / FILES["wasm"]
    damaged.write_bytes(b"other")
    assert runtime_files() == contents and count.read_text() == "x\nx\n" and damaged.read_bytes() == b"wasm"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on PATH")
def test_the_real_packages_are_the_known(tmp_path):
    assert len(runtime_files(tmp_path)["wasm"]) > 5_000_000

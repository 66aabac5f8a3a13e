"""LiteRT.js, the runtime of a bundle's page: fetched once by npm, kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tlkeras.export.atomic import replacing_file

VERSION = "2.5.3"
PACKAGES = ("@litertjs/core", "@litertjs/wasm-utils")
# The wasm file without relaxed SIMD: every browser runs it, and equal inputs give equal outputs on all of them.
FILES = {
    "core": "@litertjs/core/dist/index.js",
    "helper": "@litertjs/wasm-utils/dist/index.js",
    "loader": "@litertjs/core/wasm/litert_wasm_compat_internal.js",
    "wasm": "@litertjs/core/wasm/litert_wasm_compat_internal.wasm",
}
DIGESTS = {
    "core": "e7daccc3a31eef890848a737ccb863ded5f046a6b40c3fdc0556495adeb5d9b3",
    "helper": "e0e20bc28ab001ac732cf40d15b6eebd24fb0deaeb95eeba5100f51eebf015f2",
    "loader": "4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5",
    "wasm": "5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c",
}
LONGEST = 300  # seconds for npm


def runtime_files(cache: str | os.PathLike | None = None) -> dict[str, bytes]:
    """Return the files of LiteRT.js that a page needs: from the cache, or fetched there by npm.

    The version is fixed, and so is the SHA-256 of each file; what differs is not used.

    Args:
        cache: A folder; by default `tlkeras/litertjs` in `XDG_CACHE_HOME` or `~/.cache`.

    Returns:
        `{name: content}` for "core", "helper", "loader" and "wasm".

    Raises:
        RuntimeError: If they are not in the cache and npm is missing, fails, or brings other files.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = (Path(cache) if cache else home / "tlkeras" / "litertjs") / VERSION
    found = _read(folder)
    if found is None:
        with tempfile.TemporaryDirectory() as temporary:
            _install(Path(temporary))
            found = _read(Path(temporary, "node_modules"))
            if found is None:
                raise RuntimeError(
                    f"npm must bring the files of LiteRT.js {VERSION} that are known here, by their SHA-256. "
                    f"Received: others from {', '.join(PACKAGES)}"
                )
            for path in FILES.values():
                with replacing_file(folder / path) as file:
                    shutil.copyfile(Path(temporary, "node_modules", path), file)
    return found


def _read(folder: Path) -> dict[str, bytes] | None:
    """Return the files, or None where one is absent or not what it must be."""
    found = {}
    for name, path in FILES.items():
        if not (folder / path).is_file():
            return None
        found[name] = (folder / path).read_bytes()
        if hashlib.sha256(found[name]).hexdigest() != DIGESTS[name]:
            return None
    return found


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            f"The page needs LiteRT.js {VERSION}, which npm fetches once: install Node.js with npm, or leave out "
            "`page`. Received: no npm on PATH"
        )
    wanted = [f"{name}@{VERSION}" for name in PACKAGES]
    command = [npm, "install", "--prefix", os.fspath(folder), "--ignore-scripts", "--no-audit", "--no-fund", *wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"npm must end within {LONGEST} seconds. Received: {' '.join(command)}") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        raise RuntimeError(f"npm cannot fetch {' '.join(wanted)}. Received: {' '.join(lines) or done.stderr.strip()}")

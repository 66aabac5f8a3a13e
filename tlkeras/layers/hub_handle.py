"""A handle (directory, `.tar.gz` or URL) becomes the local directory of a SavedModel."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath

_ARCHIVES = (".tar.gz", ".tgz")


def resolve_handle(handle: str | os.PathLike) -> Path:
    """Returns the local directory behind `handle`.

    Args:
        handle: A directory; a `.tar.gz` file, which is unpacked once into the cache; or an `http(s)://` address, which
            `tensorflow_hub` downloads into the cache. The cache is `$TFHUB_CACHE_DIR`, or the user's cache folder.

    Raises:
        ValueError: If there is nothing at `handle`, the scheme is another one, or the archive is unsafe or damaged.
    """
    handle = os.fspath(handle)
    if handle.startswith(("http://", "https://")):
        return _download(handle)
    if "://" in handle:
        raise ValueError(
            "`handle` must be a directory, a .tar.gz file or an http(s):// address; fetch other schemes first "
            f"(kagglehub.model_download gives a directory). Received: {handle}"
        )
    path = Path(handle).expanduser()
    if path.is_dir():
        return path
    if path.is_file() and path.name.endswith(_ARCHIVES):
        return _unpack(path)
    raise ValueError(
        "`handle` must be an existing directory, a .tar.gz file or an http(s):// address. "
        f"Check the path. Received: {handle}"
    )


def _download(address: str) -> Path:
    # Imported here because tensorflow_hub imports Keras 2 and pkg_resources; only an address needs it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_hub
    try:
        return Path(tensorflow_hub.resolve(address))
    except (OSError, ValueError, tarfile.TarError) as error:
        raise ValueError(
            f"`handle` could not be downloaded ({type(error).__name__}: {error}). "
            f"Check the address and the network, or pass a local directory. Received: {address}"
        ) from error


def _cache() -> Path:
    named = os.environ.get("TFHUB_CACHE_DIR")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tlkeras" / "hub"


def _unpack(archive: Path) -> Path:
    with archive.open("rb") as file:
        key = hashlib.file_digest(file, "sha256").hexdigest()
    final = _cache() / key
    if not final.is_dir():
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{key[:8]}.", dir=final.parent))
        try:
            _extract(archive, temporary)
            _publish(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return _model_folder(final)


def _publish(temporary: Path, final: Path) -> None:
    try:
        os.rename(temporary, final)
    except OSError:
        # Another process was faster; its copy has the same hash.
        if not final.is_dir():
            raise


def _extract(archive: Path, folder: Path) -> None:
    """Extracts files and directories only, by hand: `tarfile`'s own filter is missing in Python 3.11.0 to 3.11.3."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                target = folder / _safe_name(member, archive)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with tar.extractfile(member) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            f"`handle` must be a whole .tar.gz; this one could not be read ({type(error).__name__}: {error}). "
            f"Fetch it again. Received: {archive}"
        ) from error


def _safe_name(member: tarfile.TarInfo, archive: Path) -> str:
    windows = PureWindowsPath(member.name)
    parts = {*PurePosixPath(member.name).parts, *windows.parts}
    outside = ".." in parts or member.name.startswith("/") or windows.drive or windows.root
    if outside or not (member.isreg() or member.isdir()):
        raise ValueError(
            "A .tar.gz must hold regular files and directories under relative names without `..`; nothing of this one "
            f"was kept. Received: member {member.name!r} in {archive}"
        )
    return member.name


def _model_folder(folder: Path) -> Path:
    """Returns `folder`, or its only sub-directory where the archive was packed with one."""
    entries = list(folder.iterdir())
    if not (folder / "saved_model.pb").exists() and len(entries) == 1 and entries[0].is_dir():
        return entries[0]
    return folder

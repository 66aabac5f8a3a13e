"""A `.tar.gz` file becomes a directory in the cache, unpacked once and only if it is safe."""

import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath

_LARGEST = 20 * 2**30  # bytes; the largest published SavedModels have about 5 GiB
_FREE = 2**30  # below this many bytes the ratio says nothing: a graph or zero variables shrink a hundredfold
_RATIO = 100  # trained weights shrink to nine tenths, zeros to a thousandth
_BLOCK = 4096  # what an empty file or directory takes on a disk, at least


def unpack_archive(archive: Path) -> Path:
    """Returns the directory of the SavedModel in `archive`, in `$TFHUB_CACHE_DIR` or the user's cache folder.

    Args:
        archive: A `.tar.gz` file. Its content, not its name, is the key in the cache.

    Raises:
        ValueError: If it is damaged, holds anything else than files and directories under relative names, or would
            take more than 20 GiB on the disk, or more than 1 GiB and a hundred times its own size.
    """
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


def _cache() -> Path:
    named = os.environ.get("TFHUB_CACHE_DIR")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tlkeras" / "hub"


def _publish(temporary: Path, final: Path) -> None:
    try:
        os.rename(temporary, final)
    except OSError:
        # Another process was faster; its copy has the same hash.
        if not final.is_dir():
            raise


def _extract(archive: Path, folder: Path) -> None:
    """Extracts files and directories only, by hand: `tarfile`'s own filter is missing in Python 3.11.0 to 3.11.3."""
    taken = 0
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                target = folder / _safe_name(member, archive)
                taken += max(member.size, _BLOCK)
                _check_size(taken, archive)
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


def _check_size(taken: int, archive: Path) -> None:
    packed = archive.stat().st_size
    if taken > _LARGEST or (taken > _FREE and taken > _RATIO * packed):
        raise ValueError(
            f"A .tar.gz must unpack to at most {_LARGEST:,} bytes, and beyond {_FREE:,} to at most {_RATIO} times its "
            "own size; nothing of this one was kept. If you trust it, unpack it yourself and pass the directory. "
            f"Received: {archive} of {packed:,} bytes, with at least {taken:,} in it"
        )


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

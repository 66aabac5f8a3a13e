"""Write a file or a directory under a temporary name and give it its final name only when it is complete."""

import contextlib
import ctypes
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

_AT_FDCWD = -100  # Linux: paths are relative to the working directory
_RENAME_EXCHANGE = 2  # Linux, renameat2(2): swap two names in one step


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")


@contextlib.contextmanager
def replacing_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes the name `path` when the block ends without an error.

    After an error, and at any moment that the process is killed, `path` is what it was before: the old file or
    nothing. The parent directory is made when it is missing; an unwritable one raises before the block runs.

    Args:
        path: The final name.

    Raises:
        IsADirectoryError: If `path` is a directory.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"`path` must be the name of a file, and this is a directory. Received: {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_name(path)
    temporary.touch()
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_directory(directory: str | os.PathLike, marker: str) -> Iterator[Path]:
    """Yield a temporary directory that takes the name `directory` when the block ends without an error.

    An older version is swapped out as a whole. On Linux the swap is one system call; elsewhere it is two renames,
    and a process killed between them leaves the old version beside the name, in a `.tmp` directory.

    Args:
        directory: The final name.
        marker: The file by which a directory of this kind is known, such as `saved_model.pb`. An existing directory
            that is not empty and has no such file is somebody's data and is refused.

    Raises:
        FileExistsError: If `directory` is a file, or a directory of another kind.
    """
    directory = Path(directory)
    foreign = directory.is_dir() and any(directory.iterdir()) and not (directory / marker).is_file()
    if foreign or (directory.exists() and not directory.is_dir()):
        raise FileExistsError(
            f"`directory` must be new, empty, or hold an older {marker} that may be replaced. Received: {directory}"
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_name(directory)
    temporary.mkdir()
    try:
        yield temporary
        _move_over(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_over(new: Path, final: Path) -> None:
    if not final.exists():
        os.rename(new, final)
    elif not _exchange(new, final):
        aside = _temporary_name(final)
        os.rename(final, aside)
        try:
            os.rename(new, final)
        except OSError:
            os.rename(aside, final)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step; False where the system or the file system cannot."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0

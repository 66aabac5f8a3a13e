"""Write a file or a directory under a temporary name and give it its final name only when it is complete."""

import contextlib
import ctypes
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from tlkeras.export.commit import READY, commit, holding

_AT_FDCWD = -100  # Linux: paths are relative to the working directory
_RENAME_EXCHANGE = 2  # Linux, renameat2(2): swap two names in one step
_LOCK, _ASIDE = "lock", "aside"


@contextlib.contextmanager
def replacing_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary file that takes the name `path` when the block ends without an error.

    After an error, and at any moment that the process is killed, `path` is what it was before: the old file or
    nothing. The parent directory is made when it is missing; an unwritable one raises before the block runs.

    Args:
        path: The final name.

    Raises:
        IsADirectoryError: If `path` is a directory.
    """
    path = Path(path)
    check_file(path)
    with workspace(path) as directory:
        temporary = directory / path.name
        temporary.touch()
        yield temporary
        os.replace(temporary, path)


@contextlib.contextmanager
def replacing_directory(directory: str | os.PathLike, marker: str) -> Iterator[Path]:
    """Yield a temporary directory that takes the name `directory` when the block ends without an error.

    An older version is swapped out as a whole. On Linux the swap is one system call; elsewhere it is two renames,
    and what a process killed between them leaves is put back by the next one that writes there.

    Args:
        directory: The final name.
        marker: The file by which a directory of this kind is known, such as `saved_model.pb`. An existing directory
            that is not empty and has no such file is somebody's data and is refused.

    Raises:
        FileExistsError: If `directory` is a file, or a directory of another kind.
    """
    directory = Path(directory)
    check_directory(directory, marker)
    with workspace(directory) as parent:
        temporary = parent / directory.name
        temporary.mkdir()
        yield temporary
        if not directory.exists():
            os.rename(temporary, directory)
        elif not _exchange(temporary, directory):
            os.rename(directory, parent / _ASIDE)
            os.rename(temporary, directory)


@contextlib.contextmanager
def workspace(path: Path) -> Iterator[Path]:
    """Yield a directory `.NAME.12345678.tmp` beside `path`, gone after the block; clean up those of killed processes.

    A lock, which the system takes from a process that ends, tells the directory of a killed process from one in use.

    Args:
        path: What is to be written; its missing parents are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp")
    for leftover in [entry for entry in path.parent.iterdir() if ours.fullmatch(entry.name) and entry.is_dir()]:
        with contextlib.suppress(FileNotFoundError), holding(leftover / _LOCK) as held:
            if held:
                _finish(leftover, path)
    with contextlib.ExitStack() as stack:
        directory = _new(path, stack)
        try:
            yield directory
        finally:
            _finish(directory, path)


def _new(path: Path, stack: contextlib.ExitStack) -> Path:
    while True:  # until no other process takes it for a leftover, between its making and its lock
        directory = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        directory.mkdir()
        with contextlib.suppress(FileNotFoundError):
            held = stack.enter_context(holding(directory / _LOCK))
            if held is not False and directory.is_dir():
                return directory


def check_file(path: Path) -> None:
    """Refuse a name that cannot become a file.

    Raises:
        IsADirectoryError: If it is a directory.
    """
    if path.is_dir():
        raise IsADirectoryError(f"`path` must be the name of a file, and this is a directory. Received: {path}")


def check_directory(directory: Path, marker: str) -> None:
    """Refuse a directory that holds somebody's data.

    Raises:
        FileExistsError: If it is a file, or not empty and without the marker.
    """
    foreign = directory.is_dir() and any(directory.iterdir()) and not (directory / marker).is_file()
    if foreign or (directory.exists() and not directory.is_dir()):
        raise FileExistsError(
            f"`directory` must be new, empty, or hold an older {marker} that may be replaced. Received: {directory}"
        )


def _finish(directory: Path, path: Path) -> None:
    """Leave nothing half done, and nothing behind."""
    if (directory / _ASIDE).exists() and not path.exists():
        os.rename(directory / _ASIDE, path)
    if (directory / READY).exists():
        commit(directory, path.parent)
    shutil.rmtree(directory, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two names in one step; False where the system or the file system cannot."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE) == 0

"""Numbered directories of one name, written by one process at a time."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tlkeras.export.atomic import replacing_directory

MARKER = "bundle.json"


@contextlib.contextmanager
def new_version(folder: str | os.PathLike, version: int | None = None) -> Iterator[tuple]:
    """Yield `(temporary directory, number)`; it gets the name `folder/number` when the block ends without an error.

    Two processes that write versions of one name wait for each other, so that neither takes the other's number.

    Args:
        folder: Where the versions are. Missing parents are made.
        version: A number that is not there yet; None for the next one.

    Raises:
        ValueError: If `version` is no number from 1.
        FileExistsError: If the version is there already, or `folder` holds something else.
    """
    folder = Path(folder)
    check_version(folder, version)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        check_version(folder, version)
        number = version or max(versions(folder), default=0) + 1
        with replacing_directory(folder / str(number), MARKER) as temporary:
            yield temporary, number


def versions(folder: str | os.PathLike) -> list[int]:
    """Return the numbers of the versions that are there.

    Args:
        folder: As in `new_version`.
    """
    names = [path.name for path in Path(folder).iterdir() if path.is_dir()] if Path(folder).is_dir() else []
    return sorted(int(name) for name in names if re.fullmatch(r"[1-9]\d*", name))


def check_version(folder: Path, version: int | None) -> None:
    """Refuse what `new_version` would refuse; nothing is written.

    Args:
        folder: As in `new_version`.
        version: As in `new_version`.
    """
    if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
        raise ValueError(f"`version` must be a number from 1. Received: {version!r}")
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"`folder` must be a directory of versions. Received: {folder}, a file")
    known = [str(number) for number in versions(folder)]
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    foreign = [name for name in names if name not in known and not name.startswith(".")]
    if foreign:
        raise FileExistsError(
            f"`folder` must be new or hold numbered versions only. Received: {folder} with {', '.join(foreign[:5])}"
        )
    if str(version) in known:
        raise FileExistsError(
            f"`version` must be a new one: what is there is never changed. Received: {version}; {folder} holds "
            f"{', '.join(known)}"
        )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / ".lock")  # the system frees that of a killed process
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"another process writes a version of {folder}: waiting for it", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

"""Replace several files of a directory, which may hold other things, so that a kill leaves all old or all new ones."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tlkeras.export import commit
from tlkeras.export.atomic import check_directory, check_file, workspace

NAME = "export"  # of the temporary directory
MARKER = "saved_model.pb"


@contextlib.contextmanager
def replacing_files(directory: str | os.PathLike, names: Iterable[str]) -> Iterator[Path]:
    """Yield a temporary directory whose files and directories move into `directory` when the block ends without error.

    They take the place of those of the same names; whatever else is there stays. After an error, and at any moment that
    this process is killed, the directory has all the old ones or all the new ones: the moving, some renames in a row,
    is done by a process of its own (`tlkeras.export.commit`), which a signal to this one does not reach.

    Args:
        directory: Where the files belong. Missing parents are made; an unwritable one raises before the block runs.
        names: What the block will write, to see beforehand that nothing of another kind has its name: files, and
            without a suffix a SavedModel.

    Raises:
        NotADirectoryError: If `directory` is a file.
        IsADirectoryError: If one of the names is a directory.
        FileExistsError: If that of a SavedModel is something else.
        OSError: If the files cannot be moved. Then they stay in the temporary directory, and the next block for this
            directory moves them.
    """
    directory = Path(directory).absolute()
    _check_places(directory, names)
    with workspace(directory / NAME) as temporary:
        files = temporary / commit.FILES
        files.mkdir()
        yield files
        command = [sys.executable, "-I", "-S", commit.__file__, str(temporary), str(directory)]
        mover = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            failed = mover.wait()
        except KeyboardInterrupt:
            mover.wait()
            raise
        if failed:
            commit.commit(temporary, directory)  # once more, for its error


def check_places(directory: str | os.PathLike, names: Iterable[str]) -> None:
    """Raise what `replacing_files` would, and clean up after killed processes, before there is anything to write.

    Args:
        directory: As in `replacing_files`.
        names: As in `replacing_files`.

    Raises:
        OSError: As in `replacing_files`.
    """
    directory = Path(directory).absolute()
    _check_places(directory, names)
    try:
        with workspace(directory / NAME):
            pass
    except OSError as error:
        raise OSError(f"`directory` must be one that can be written to. Received: {error}") from error


def _check_places(directory: Path, names: Iterable[str]) -> None:
    if directory.exists() and not directory.is_dir():
        raise NotADirectoryError(f"`directory` must be a directory. Received: {directory}")
    for path in (directory / name for name in names):
        if path.suffix:
            check_file(path)
        else:
            check_directory(path, MARKER)

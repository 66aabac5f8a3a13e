"""Move files that are complete to their names, all of them: run as a process of its own, by the standard library alone.

Several names cannot be changed in one step, and a process can be killed between two steps. Not this one: nobody knows
it, it has a session of its own, and it lives for milliseconds. Should it be stopped all the same (the power fails), the
next export finds `ready` and finishes.
"""

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FILES, READY, OLD = "files", "ready", "old"


def commit(workspace: Path, directory: Path) -> None:
    """Move everything in `workspace/files` into a directory, over older files and directories of the same names.

    What was begun before, or is being done by another process, is finished; doing it again changes nothing.

    Args:
        workspace: A directory on the same file system.
        directory: Where the files belong.
    """
    with holding(workspace / READY, wait=True):
        for source in sorted((workspace / FILES).iterdir()):
            target = directory / source.name
            if source.is_dir() and target.exists():
                (workspace / OLD).mkdir(exist_ok=True)
                os.rename(target, workspace / OLD / uuid.uuid4().hex)
            os.replace(source, target)


@contextlib.contextmanager
def holding(path: Path, *, wait: bool = False) -> Iterator[bool | None]:
    """Hold the lock of a file, which the system takes from a process that ends.

    Yields True; or False where another process holds it; or None where the system or the file system has no locks.

    Args:
        path: The file; made when it is missing.
        wait: Whether to wait for another process.
    """
    with open(path, "a") as file:
        held = None
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                held = True
            except BlockingIOError:
                held = False
            except OSError:
                held = None
        yield held


if __name__ == "__main__":
    commit(Path(sys.argv[1]), Path(sys.argv[2]))

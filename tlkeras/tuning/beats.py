"""Signs of life between processes that share a folder: a file with a number that rises."""

import contextlib
import os
import sys
import threading
import time
import uuid

SECONDS = 1.0  # between two beats
PATIENCE = 30.0  # seconds of silence after which a process is taken for lost: TensorFlow may hold all threads for some


@contextlib.contextmanager
def beating(path, watched=None):
    """Writes a number into a file every second, and removes it at the end.

    Args:
        path: The file. Its content is read, not its time: a folder in the network may keep times back for a minute.
        watched: File of another process: this one ends when that one is silent for long, or the file is another's. No
            exception could end it while it waits for an answer.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name, ended = uuid.uuid4().hex, threading.Event()
    path.write_text(f"{name} 0", encoding="ascii")
    watch = Watch(watched) if watched else None

    def beat():
        count = 0
        while not ended.wait(SECONDS):
            count += 1
            with contextlib.suppress(OSError):  # a full disk, or a folder that is not to be reached for a moment
                path.write_text(f"{name} {count}", encoding="ascii")
            if watch and watch.silence() > PATIENCE:
                _leave(path, watched.exists())

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        path.unlink(missing_ok=True)


class Watch:
    """How long another process has been silent.

    Args:
        path: The file that it writes.
    """

    def __init__(self, path):
        self.path = path
        self.found = _read(path)
        self.since = time.monotonic()

    def silence(self) -> float:
        """Returns the seconds since the number last rose; infinity where the file is another's now."""
        found = _read(self.path)
        if found and self.found and found[0] != self.found[0]:
            return float("inf")
        if found and found != self.found:
            self.found, self.since = found, time.monotonic()
        return time.monotonic() - self.since


def _read(path):
    """Returns the name and the number; nothing where the file is not there, or is being written."""
    try:
        parts = path.read_text(encoding="ascii").split()
    except OSError:
        return []
    return parts if len(parts) == 2 else []


def _leave(path, lost):
    said = "does not answer any more" if lost else "has ended the search"
    print(f"tlkeras: the chief {said}; this worker ends", file=sys.stderr, flush=True)
    path.unlink(missing_ok=True)
    os._exit(1 if lost else 0)

"""Keep the C++ log lines of the converter and the interpreter off the terminal."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Drop what the whole process writes to stderr in the block; an exception still carries its own message.

    TensorFlow's converter logs from C++ to file descriptor 2, which Python's logging cannot reach and
    `TF_CPP_MIN_LOG_LEVEL` silences only when it is set before the import.
    """
    sys.stderr.flush()
    saved, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)

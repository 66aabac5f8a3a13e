"""The memory that a LiteRT file takes, measured in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def peak_memory(path: str | os.PathLike) -> int | None:
    """Return by how many bytes a process grows at most when it loads a file and runs it, one thread.

    The process has imported the interpreter and NumPy before; what they take is not counted. None on Windows, which
    does not say.

    Args:
        path: A `.tflite` file.

    Raises:
        RuntimeError: If the process fails, for want of memory above all.
    """
    if sys.platform == "win32":
        return None
    script = Path(__file__).with_name("memory_process.py")
    # -P: or the files beside the script would hide packages of the same name
    command = [sys.executable, "-P", str(script), os.fspath(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise RuntimeError(f"The process that measures the memory of {path} failed. Received: {reason}")
    before, after = map(int, done.stdout.split())
    return after - before

"""A script: load a LiteRT file, run it, and print the peak memory in bytes before and after.

It is run by path, so that neither tlkeras nor TensorFlow is in the process.
"""

import resource
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

RUNS = 3


def peak() -> int:
    """Return the largest resident size of this process so far, in bytes.

    On Linux not `ru_maxrss`: exec keeps it, and a child of a process of 500 MB would start at 500 MB.
    """
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as status:
            return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(path: str) -> None:
    """Print the peak before the file is loaded and after it has run."""
    before = peak()
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    for _ in range(RUNS):
        for details in interpreter.get_input_details():
            interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
        interpreter.invoke()
    print(before, peak())


if __name__ == "__main__":
    main(sys.argv[1])

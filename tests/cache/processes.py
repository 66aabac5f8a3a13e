"""Runs a feature pass that takes its time in a process of its own.

python tests/cache/processes.py DIRECTORY
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
CHUNKS = 12


def slow_rows():
    """Returns rows that take 0.3 s a chunk to read."""
    import keras
    import numpy as np

    class Slow(keras.utils.PyDataset):
        fingerprint = "slow"

        def __len__(self):
            return CHUNKS

        def __getitem__(self, index):
            time.sleep(0.3)
            return np.full((5, 6, 6, 3), index, "uint8")

    return Slow()


def start(directory):
    """Starts the pass in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, str(directory)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def compute(directory):
    """Returns the features of the slow rows."""
    import tlkeras
    from tests.cache.models import frozen_model

    return tlkeras.cache.features(frozen_model(), slow_rows(), directory=directory)


if __name__ == "__main__":
    compute(sys.argv[1])

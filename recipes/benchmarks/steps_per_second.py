"""Training steps per second beside the PyTorch loop of `torch_reference.py`, in one run and in turn.

Photographs to art, the settings of each method's authors, two threads each; XLA and a hundred steps a call, as
`adapt_images.py` and `methods.py` train on cached features. Compilation is not timed, on either side.

    python recipes/benchmarks/steps_per_second.py --features FEATURES --torch .venv-torch/bin/python
"""

import argparse
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import keras
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.benchmarks.suites import features_of_pacs  # noqa: E402
from recipes.common.adaptation import compiled  # noqa: E402
from recipes.common.ways import composed  # noqa: E402
from tlkeras import data  # noqa: E402

STEPS, A_CALL = 500, 100
NAMES = {"dann_norm": "dann", "cdan_norm": "cdan", "dan": "dan"}  # ours: theirs


def ours(name, domains):
    """Returns a function that trains `STEPS` steps; it has been called once."""
    way = composed([name])
    keras.utils.set_random_seed(0)
    model = compiled(domains.model(way.bottleneck), way, backbone_rate=1.0, steps_per_execution=A_CALL)
    batches = data.pair(domains.source, domains.target, batch_size=way.batch_size, steps=STEPS)

    def train():
        model.fit(batches, epochs=1, verbose=0, shuffle=False)

    train()
    return train


def theirs(python, features):
    """Returns `{method: steps per second}` of the PyTorch loop."""
    script = Path(__file__).with_name("torch_reference.py")
    command = [python, str(script), "--features", str(features), "--time", "--threads", "2", "--steps", str(STEPS)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {name: float(rate) for name, rate in re.findall(r"^(\w+): ([\d.]+) steps/s", printed, re.MULTILINE)}


def main():
    """Prints both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--torch", required=True, help="Python of an environment with PyTorch")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is timed (default: 3)")
    flags = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(2)
    domains = features_of_pacs(flags.features, "photo", "art_painting")
    trained = {name: ours(name, domains) for name in NAMES}
    rates = {name: [] for name in NAMES}
    for _ in range(flags.repeats):
        other = theirs(flags.torch, flags.features)
        for name, train in trained.items():
            start = time.perf_counter()
            train()
            rates[name].append((STEPS / (time.perf_counter() - start), other[NAMES[name]]))
    for name, pairs in rates.items():
        own, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios = sorted(mine / theirs for mine, theirs in pairs)
        print(f"{NAMES[name]}: tlkeras {own:.0f} steps/s, PyTorch {peer:.0f}, ratio {statistics.median(ratios):.2f} "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")  # fmt: skip


if __name__ == "__main__":
    main()

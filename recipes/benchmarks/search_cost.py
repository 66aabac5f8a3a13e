"""What a search costs beside the trainings that it is made of: a frozen backbone, rate and head settings, 30 trials.

    python recipes/benchmarks/search_cost.py --source photo --target cartoon --backbone hub/mobilenet --out DIR

All in one process and one run: the whole of `tlkeras.tuning.search`, reading and verifying the images left out; in it
the feature passes, counted and timed, and every `fit`, timed, less what the scoring of its epochs takes; beside it the
disk that a trial takes, and the memory of the process before each. A `fit` includes compiling its graph.
"""

import argparse
import contextlib
import dataclasses
import logging
import sys
import time
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[2]))
from recipes.adapt_images import Flags  # noqa: E402
from recipes.common import image_task  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from tlkeras import transfer  # noqa: E402
from tlkeras.cache.store import Store  # noqa: E402
from tlkeras.report import versions, write_json  # noqa: E402
from tlkeras.tuning import Choice, Float, Plan, search  # noqa: E402
from tlkeras.tuning.one_trial import resident  # noqa: E402
from tlkeras.validators import SelectEpoch  # noqa: E402

MOST_RATIO, MOST_BYTES = 1.3, 1e6  # the bars
SPACE = {
    "rate": Float(1e-4, 1e-1, log=True),
    "bottleneck": Choice((64, 128, 256)),
    "dropout": Float(0.0, 0.7),
}


def arguments():
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", required=True, help="folder of labelled images")
    parser.add_argument("--target", required=True, help="folder of images")
    parser.add_argument("--backbone", required=True, help="handle of the backbone, which stays frozen")
    parser.add_argument("--steps", type=int, default=1000, help="steps of a trial (default: 1000)")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of a trial (default: 10)")
    parser.add_argument("--trials", type=int, default=30, help="trials (default: 30)")
    parser.add_argument("--out", type=Path, required=True, help="new folder of the search")
    return parser.parse_args()


@contextlib.contextmanager
def timed(owner, name, found):
    """Appends the seconds of every outermost call of a method to a list."""
    plain, depth = getattr(owner, name), [0]

    def call(*given, **named):
        start = time.perf_counter()
        depth[0] += 1
        try:
            return plain(*given, **named)
        finally:
            depth[0] -= 1
            if not depth[0]:
                found.append(time.perf_counter() - start)

    with mock.patch.object(owner, name, call):
        yield


def main() -> int:
    """Prints the costs, writes them, and returns 1 when a bar is missed."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    given = arguments()
    named = ("source", "target", "backbone", "steps", "epochs")
    flags = Flags(**{name: getattr(given, name) for name in named})
    plan = Plan(SPACE, given.trials, fixed=dataclasses.asdict(flags))
    passes, begun, fits, scorings, memory = [], [], [], [], []
    task = image_task.ImageTask(flags, given.out)
    train = TaskTrials(task, "information_maximization")

    def trial(values, share, report):
        memory.append(resident())
        return train(dataclasses.replace(flags, **values), 0, report)

    features = timed(image_task.cache, "features", passes), timed(Store, "begin", begun)
    trainings = timed(transfer.TransferModel, "fit", fits), timed(SelectEpoch, "on_epoch_end", scorings)
    with contextlib.ExitStack() as stack:
        for timing in (*features, *trainings):
            stack.enter_context(timing)
        start = time.perf_counter()
        records = search(trial, plan, directory=given.out)
        whole = time.perf_counter() - start
    memory.append(resident())
    kept = [path for path in given.out.rglob("*") if path.is_file() and "cache" not in path.parts]
    size = sum(path.stat().st_size for path in kept) / len(records)
    bare = sum(fits) - sum(scorings)
    ratio = whole / (sum(passes) + bare)
    found = {
        "trials": len(records),
        "failed": sum(record.status == "failed" for record in records),
        "feature_passes": len(begun),
        "seconds": {"features": sum(passes), "search": whole, "fits": bare, "scoring": sum(scorings)},
        "ratio": ratio,
        "bytes_per_trial": size,
        "memory_mb": memory,
        "versions": versions(),
    }
    write_json(given.out / "search_cost.json", found)
    print(f"{found['trials']} trials ({found['failed']} failed), {len(task.domains.source)} source images and "
          f"{len(task.domains.target)} target images")  # fmt: skip
    print(f"feature passes   {len(begun)}, one for each folder, {sum(passes):.1f} s")
    print(f"fits             {bare:.1f} s; scoring their epochs {sum(scorings):.1f} s")
    print(f"search           {whole:.1f} s, {ratio:.3f} x passes and fits")
    print(f"disk of a trial  {size / 1e3:.1f} kB")
    print(f"memory in MB     {', '.join(f'{value:.0f}' for value in memory[::5])}, every fifth trial")
    return int(ratio > MOST_RATIO or size > MOST_BYTES or len(begun) != 2)


if __name__ == "__main__":
    sys.exit(main())

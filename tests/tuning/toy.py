"""A search over a function that needs no training, as a process of its own.

python tests/tuning/toy.py DIRECTORY TUNER TRIALS SECONDS [--resume | --chief HOST:PORT | --workers N]
"""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def curve_of(values, share, report):
    """Returns the score after nine epochs, each of which is reported: it rises by one an epoch."""
    score = score_of(values, share, report)["score"]
    for epoch in range(9):
        report(epoch, score + epoch)
    return {"score": score + 8}


def plan_of(tuner, trials=9, **fields):
    """Returns a plan of three kinds of names."""
    from tlkeras.tuning import Choice, Float, Int, Plan

    space = {"rate": Float(1e-4, 1.0, log=True), "width": Int(1, 5), "kind": Choice(("a", "b"))}
    return Plan(space, trials, tuner, epochs=9, **fields)


def score_of(values, share, report):
    """Returns the score, best for a rate of 0.01, wide, of kind b."""
    return {"score": -abs(math.log10(values["rate"]) + 2) + values["width"] + (values["kind"] == "b") + share}


def start(*arguments, output=None, **variables):
    """Starts the search in a process of its own, which prints into a pipe or a file."""
    with contextlib.nullcontext(subprocess.PIPE) if output is None else open(output, "w") as stdout:
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, *map(str, arguments)], stdout=stdout, stderr=subprocess.STDOUT,
            text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables}, start_new_session=True,
        )  # fmt: skip


def main(directory, tuner, trials, seconds, mode="", value=""):
    """Searches, or leads a search, or joins one."""
    from tlkeras.tuning import join, lead, search

    def trial(values, share, report):
        time.sleep(float(seconds))
        if values["width"] == int(os.environ.get("TOY_KILLS", 0)):
            os.kill(os.getpid(), signal.SIGKILL)
        if values["width"] == int(os.environ.get("TOY_FULL", 0)):
            raise OSError(28, "No space left on device")
        return score_of(values, share, report)

    def worker(address, name):
        output = Path(directory) / f"{name}.txt"
        return start(directory, tuner, trials, seconds, "--chief", address, output=output, KERASTUNER_TUNER_ID=name)

    plan, resume = plan_of(tuner, int(trials)), (Path(directory) / "plan.json").exists()
    try:
        if mode == "--chief":
            join(trial, plan, directory=directory, chief=value)
        elif mode == "--workers":
            lead(plan, worker, directory=directory, resume=resume, workers=int(value))
        else:
            search(trial, plan, directory=directory, resume=mode == "--resume")
    except (ValueError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A recipe that trains nothing: its score has its peak at a rate of 0.01.

What `tlkeras tune` needs of a recipe, and a command line of its own for the best flags.
"""

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path

if __name__ != "__main__":  # the best flags need no TensorFlow, which takes seconds to import
    from tlkeras.tuning import Choice, Float, TrialStopped

    SEARCH = {"rate": Float(1e-4, 1.0, log=True), "depth": Choice(("0", "2", "all"))}
LENGTH = ("steps", "epochs")
OBJECTIVES = ("peak", "other")
COSTS = ("bytes",)


@dataclasses.dataclass
class Flags:
    source: str = ""
    rate: float = 0.1
    depth: str = "0"
    steps: int = 90
    epochs: int = 9
    cache: str = ""
    quick: bool = False

    def __post_init__(self):
        if self.rate <= 0 or self.rate > 10:
            raise ValueError(f"`--rate` must be above 0 and at most 10. Received: --rate {self.rate}")


def trials(flags, folder, objective, against=""):
    if flags.source == "nowhere":
        raise ValueError("`--source` must be a folder of images. Received: --source nowhere")
    (folder / "cache").mkdir(parents=True, exist_ok=True)

    def trial(flags, seed, report):
        if flags.source == "bad" or flags.depth == "all":
            raise TrialStopped("collapsed after epoch 3: predicts 1 of 7 expected classes")
        if flags.source == "full":
            raise OSError(28, "No space left on device")
        if flags.source == "stopped":
            raise KeyboardInterrupt
        accuracy = max(0.0, 1 - abs(math.log10(flags.rate) + 2) / 4)
        cost = {against: 1000 * (1 + int(flags.depth))} if against else {}
        for epoch in range(flags.epochs):
            report(epoch, accuracy * epoch)
        return {"score": accuracy * flags.steps / 90, "steps": flags.steps, "seed": seed, **cost}

    return trial


def main():
    parser = argparse.ArgumentParser()
    for name in ("--config", "--out", "--seeds", "--cache"):
        parser.add_argument(name)
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()
    flags = json.loads(Path(arguments.config).read_text())
    if flags["source"] == "untrainable":
        sys.exit(3)
    out = Path(arguments.out)
    out.mkdir(exist_ok=True)
    (out / "config.json").write_text(json.dumps({**flags, "cache": arguments.cache, "resume": arguments.resume}))
    row = {"target_accuracy_last": 0.5, "target_accuracy_selected": 0.75, "target_accuracy_oracle": 0.875}
    runs = [{"rows": {"source only": row, "mcc": row}} for _ in range(int(arguments.seeds))]
    (out / "metrics.json").write_text(json.dumps({"runs": runs} if len(runs) > 1 else runs[0]))


if __name__ == "__main__":
    main()

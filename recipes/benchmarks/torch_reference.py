"""Methods of other libraries as a plain PyTorch loop on the features of PACS: the numbers to compare with.

The libraries do not install beside each other or on today's PyTorch. This needs PyTorch and NumPy only, in an
environment of its own (here PyTorch 2.15 and NumPy 2.4, on a CPU):

    python3 -m venv .venv-torch && .venv-torch/bin/pip install torch numpy
    .venv-torch/bin/python recipes/benchmarks/torch_reference.py --features FEATURES --out runs/torch_reference.jsonl
    .venv-torch/bin/python recipes/benchmarks/torch_reference.py --features FEATURES --time --threads 2

FEATURES is written by `pacs_features.py`. The first command trains each row on six pairs of domains with three seeds
and prints the table; one line a run goes to `--out`, and a run that has its line is not run again. All target rows are
trained on without their labels, which only score the model after the last step. The second prints steps per second.

The loop is that of the Transfer-Learning-Library's examples: SGD, Nesterov momentum 0.9, rate `r (1 + g step)^-0.75`,
source and target rows in one batch, no term weighted, each row with the rate, `g`, weight decay and batch size of its
example. The backbone is frozen, so all that trains has the full rate. The bottleneck is dense, BatchNorm and ReLU, of
256 units, and the head is linear; `mdd_deep` has the library's own heads, and the rows `_1024` have the width of its
scripts too. The library has no example of source only with a bottleneck (DANN's settings serve) nor of CORAL for
adaptation (DAN's serve), and where its DAN has dropout this one has BatchNorm.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
import torch_terms as terms
from torch_loop import Learner, Row, train

DOMAINS = {"P": "photo", "A": "art_painting", "C": "cartoon"}
PAIRS = ("PA", "PC", "AP", "CP", "AC", "CA")
TIMED = ("dann", "cdan", "dan", "dan_broadcast")
WARM_UP = 50  # steps before the clock starts
ROWS = {
    "source_only": Row(terms.SourceOnly, 0.01, 1e-3, 1e-3),
    "mcc": Row(terms.MCC, 0.005, 1e-3, 1e-3, rows=36),
    "coral_tllib": Row(terms.CORALOfTllib, 0.003, 3e-4, 5e-4),
    "coral": Row(terms.CORAL, 0.003, 3e-4, 5e-4),
    "dan_linear": Row(terms.DANLinear, 0.003, 3e-4, 5e-4),
    "dan": Row(terms.DAN, 0.003, 3e-4, 5e-4),
    "mdd": Row(terms.MDD, 0.004, 2e-4, 5e-4, small=True),
    "dann": Row(terms.DANN, 0.01, 1e-3, 1e-3),
    "cdan": Row(terms.CDAN, 0.01, 1e-3, 1e-3),
    "mdd_deep": Row(terms.DeepMDD, 0.004, 2e-4, 5e-4, deep=True, small=True),
    "mcc_1024": Row(terms.MCC, 0.005, 1e-3, 1e-3, rows=36, width=1024),
    "mdd_1024": Row(terms.DeepMDD, 0.004, 2e-4, 5e-4, width=1024, deep=True, small=True),
    "dan_broadcast": Row(terms.DANBroadcast, 0.003, 3e-4, 5e-4),
}


def arguments() -> argparse.Namespace:
    """Returns the parsed flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = [name for name, row in ROWS.items() if row.width == 256 and name != "dan_broadcast"]
    parser.add_argument("--features", type=Path, required=True, help="folder that pacs_features.py wrote")
    parser.add_argument("--out", type=Path, help="file of results, one JSON line a run; resumed when it exists")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=default, help="rows of the table")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row and pair (default: 3)")
    parser.add_argument("--steps", type=int, help="training steps (default: 2000; with --time 500)")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch (default: 1)")
    parser.add_argument("--fused", action="store_true", help="update all weights in one kernel: the same, faster")
    parser.add_argument("--time", action="store_true", help="print steps per second instead of a table")
    flags = parser.parse_args()
    if bool(flags.out) == flags.time:
        parser.error(f"one of --out and --time must be given. Received: --out {flags.out}, --time {flags.time}")
    return flags


def read(folder, domain):
    """Returns the features and labels of a domain as tensors."""
    path = folder / f"{DOMAINS[domain]}.npz"
    if not path.is_file():
        raise SystemExit(f"--features must hold the files of pacs_features.py. Received: no {path}")
    with np.load(path) as found:
        return torch.from_numpy(found["features"]), torch.from_numpy(found["labels"])


def run(name, pair, seed, steps, data, fused):
    """Trains one row on one pair and returns the accuracy in percent and the seconds of all threads together."""
    torch.manual_seed(seed)
    source, target = (data[domain] for domain in pair)
    learner = Learner(ROWS[name], source[0].shape[1], int(source[1].max()) + 1)
    start = time.process_time()  # other processes do not count
    train(learner, ROWS[name], source, target, range(steps), fused)
    seconds = time.process_time() - start
    return {"accuracy": 100 * learner.accuracy(*target), "cpu_seconds": seconds}


def finished(path):
    """Returns the results so far by what was run."""
    found = {}
    for number, line in enumerate(path.read_text().splitlines() if path.is_file() else (), 1):
        try:
            result = json.loads(line)
            found[json.dumps(result["run"])] = result
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise SystemExit(f"--out must hold one result a line; remove line {number}. Received: {line!r}") from error
    return found


def described(name, pair, seed, steps):
    """Returns what tells one run from another: a changed row is run again."""
    settings = {**dataclasses.asdict(ROWS[name]), "term": ROWS[name].term.__name__}
    return {"row": name, "pair": pair, "seed": seed, "steps": steps, "settings": settings}


def run_all(flags, data):
    """Runs what has no line in `--out` yet and returns all results, `{row: {seed: {pair: result}}}`."""
    flags.out.parent.mkdir(parents=True, exist_ok=True)
    done, results = finished(flags.out), {}
    for seed, name, pair in itertools.product(range(flags.seeds), flags.rows, PAIRS):
        what = described(name, pair, seed, flags.steps)
        result = done.get(json.dumps(what))
        if result is None:
            result = {"run": what, **run(name, pair, seed, flags.steps, data, flags.fused)}
            with flags.out.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"{name} {pair} seed {seed}: {result['accuracy']:.1f}", flush=True)
        results.setdefault(name, {}).setdefault(seed, {})[pair] = result
    return results


def table(results):
    """Returns the table in Markdown: means over the seeds, and the standard deviation of the six-pair mean."""
    lines = ["| | " + " | ".join(f"{a}>{b}" for a, b in PAIRS) + " | mean | sd | CPU s a run |"]
    lines.append("|---" * 10 + "|")
    for name, seeds in results.items():
        pairs = [statistics.mean(runs[pair]["accuracy"] for runs in seeds.values()) for pair in PAIRS]
        means = [statistics.mean(result["accuracy"] for result in runs.values()) for runs in seeds.values()]
        spread = f"{statistics.stdev(means):.1f}" if len(means) > 1 else "one seed"
        seconds = statistics.median(result["cpu_seconds"] for runs in seeds.values() for result in runs.values())
        cells = [*(f"{value:.1f}" for value in (*pairs, statistics.mean(means))), spread]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {seconds:.1f} |")
    return "\n".join(lines)


def print_speeds(flags, data):
    """Prints the steps per second of the adversarial rows and of DAN, from photographs to art."""
    for name in TIMED:
        torch.manual_seed(0)
        row, (source, target) = ROWS[name], (data["P"], data["A"])
        learner = Learner(row, source[0].shape[1], int(source[1].max()) + 1)
        train(learner, row, source, target, range(WARM_UP), flags.fused)
        start = time.perf_counter()
        train(learner, row, source, target, range(WARM_UP, WARM_UP + flags.steps), flags.fused)
        seconds = time.perf_counter() - start
        print(f"{name}: {flags.steps / seconds:.1f} steps/s, {flags.threads} threads, fused={flags.fused}", flush=True)


def main():
    """Prints the table, or with `--time` the speeds."""
    flags = arguments()
    flags.steps = flags.steps or (500 if flags.time else 2000)
    torch.set_num_threads(flags.threads)
    data = {domain: read(flags.features, domain) for domain in DOMAINS}
    if flags.time:
        print_speeds(flags, data)
    else:
        print(table(run_all(flags, data)))


if __name__ == "__main__":
    main()

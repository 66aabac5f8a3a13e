"""A new voice: spoken words with labels from some speakers, without from another, and a model for the other's device.

Each speaker is one npz file, or a folder of class folders of wav files. Two models are trained from scratch with the
same steps and the same augmentation: on the labelled speakers only, and with methods of adaptation that look at the
unlabelled recordings of the new one. The guard says which ships. What ships takes waveforms: the log-mel layer is
inside, in `model.keras` and in the LiteRT files. The labels of the new speaker only score. Without `--data` it runs on
speakers that are made of tones. With `--backbone`, a head is trained on the features of an audio model of a hub.

    python recipes/spoken_digits.py
    python recipes/spoken_digits.py --data speech --target theo
    python recipes/spoken_digits.py --data speech --target theo --source george,lucas --method dann --seeds 3
    python recipes/spoken_digits.py --data speech --backbone yamnet --output 1 --rate-hz 16000 --seconds 1
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import compare_report, costs  # noqa: E402
from recipes.common.compare import compare, ship  # noqa: E402
from recipes.common.harness import run_recipe  # noqa: E402
from recipes.common.speech_flags import Flags  # noqa: E402
from recipes.common.speech_task import SpeechTask  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402
from tlkeras.validators import VALIDATORS  # noqa: E402

SEARCH = {
    "rate": Float(1e-4, 1e-2, log=True),
    "method": Choice(("mcc", "cdan", "dann", "coral")),
    "weight": Float(0.1, 10.0, log=True),
    "bottleneck": Choice((32, 64, 128)),
    "dropout": Float(0.0, 0.7),
}
LENGTH = ("steps", "epochs")
OBJECTIVES = ("information_maximization", *(name for name in VALIDATORS if name != "information_maximization"))
COSTS = costs.COSTS


def trials(flags, folder, objective, against=""):
    """Returns what trains the models of a search."""
    return TaskTrials(SpeechTask(flags, folder), objective, against)


def run(flags, folder, seed):
    """Trains both rows, exports the one that the guard ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = flags.smoked()
    with users_input():
        task = SpeechTask(flags, folder)
        task.check(flags)
    comparison = compare(task, flags, folder, seed)
    metrics = {
        "recipe": "spoken_digits",
        "source": ",".join(task.source_names),
        "target": task.target_name,
        "backbone": flags.backbone or "sound_net",
        "backbone_fingerprint": task.fingerprint,
        **comparison.metrics,
        **ship(task, comparison, flags, folder, seed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    compare_report.write(folder / "report.html", task, comparison, metrics)
    return metrics


if __name__ == "__main__":
    run_recipe("spoken_digits", __doc__.splitlines()[0], Flags, run, compare_report.summarize)

"""Labels elsewhere: photographs with labels from one place, without from another, and a model for the other place.

The source is one folder a class; of the target every image below the folder is taken, and no label is read. Two models
are trained with the same steps: on the source only, and with methods of adaptation that look at the target. The guard
says whether the adapted one is to be trusted, and ships source only where it is not. What lies below the trained blocks
of the backbone runs once. `--test` is a folder of labelled target images that scores both; it chooses nothing, and may
hold the images of `--target`.

    python recipes/adapt_images.py --source studio --target street --backbone MobileNetV2
    python recipes/adapt_images.py --source photo --target cartoon --test cartoon --method mcc,cdan --seeds 3
    python recipes/adapt_images.py --source photo --target cartoon --backbone hub/mobilenet --method mdd --depth 4
"""

import sys
import time
from pathlib import Path

import keras

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import compare_report, costs  # noqa: E402
from recipes.common.adapt_flags import Flags  # noqa: E402
from recipes.common.compare import compare, ship  # noqa: E402
from recipes.common.harness import run_recipe  # noqa: E402
from recipes.common.image_task import ImageTask  # noqa: E402
from recipes.common.trials import TaskTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import report  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402
from tlkeras.validators import VALIDATORS  # noqa: E402

SEARCH = {
    "rate": Float(1e-4, 1e-1, log=True),
    "depth": Choice(("0", "2", "4")),
    "method": Choice(("mcc", "mdd", "cdan", "dann", "coral")),
    "weight": Float(0.1, 10.0, log=True),
    "bottleneck": Choice((64, 256, 1024)),
    "dropout": Float(0.0, 0.7),
    "batch_size": Choice((16, 36, 64)),
}
LENGTH = ("steps", "epochs")
OBJECTIVES = ("information_maximization", *(name for name in VALIDATORS if name != "information_maximization"))
COSTS = costs.COSTS


def trials(flags, folder, objective, against=""):
    """Returns what trains the models of a search."""
    return TaskTrials(ImageTask(flags, folder), objective, against)


def run(flags, folder, seed):
    """Trains both rows, exports the one that the guard ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = flags.smoked()
    with users_input():
        task = ImageTask(flags, folder)
        task.check(flags)
    comparison = compare(task, flags, folder, seed)
    metrics = {
        "recipe": "adapt_images",
        "source": flags.source,
        "target": flags.target,
        "backbone": flags.backbone,
        "backbone_fingerprint": task.fingerprint,
        "depth": flags.depth,
        **comparison.metrics,
        **ship(task, comparison, flags, folder, seed),
        "seconds": round(time.perf_counter() - start, 1),
    }
    images = gallery(task, comparison)
    compare_report.write(folder / "report.html", task, comparison, metrics, [("Target images", images)])
    return metrics


def gallery(task, comparison):
    """Returns some target images with what the model that ships takes them for."""
    shown = task.domains.test or task.domains.target
    pixels = shown.images()
    logits = comparison.shipped.predict(pixels, batch_size=64, verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    predictions, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return report.gallery(pixels, predictions, confidences, labels=task.test_labels, class_names=list(task.names))


if __name__ == "__main__":
    run_recipe("adapt_images", __doc__.splitlines()[0], Flags, run, compare_report.summarize)

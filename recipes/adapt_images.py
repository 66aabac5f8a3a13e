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

import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import adapt_report, costs  # noqa: E402
from recipes.common.adapt_flags import Flags  # noqa: E402
from recipes.common.adaptation import Budget, adapt, cut, head  # noqa: E402
from recipes.common.device_files import SAMPLES, device_files  # noqa: E402
from recipes.common.domains import check_batches, load_domains  # noqa: E402
from recipes.common.folders import open_backbone  # noqa: E402
from recipes.common.guarding import guarded, look  # noqa: E402
from recipes.common.harness import run_recipe, save_model  # noqa: E402
from recipes.common.scoring import scores  # noqa: E402
from recipes.common.trials import AdaptTrials  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import cache, surgery  # noqa: E402
from tlkeras.backbones import from_handle  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402
from tlkeras.validators import VALIDATORS, information_maximization  # noqa: E402

BASELINE = "source only"
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
trials = AdaptTrials


def train(flags, backbone, domains, folder, seed, name):
    """Returns `(model, history, row, what the guard looks at)`; goes on where an interrupted run stopped."""
    names = flags.method.split(",")
    way = flags.way(names) if name != BASELINE else dataclasses.replace(flags.way(names), terms=list)
    print(f"\n{name} (seed {seed})")
    keras.utils.set_random_seed(seed)
    shape = backbone.input_shape[1:] if flags.image_size else None
    model = head(from_handle(flags.backbone, input_shape=shape), len(domains.source.class_names), way.bottleneck,
                 flags.dropout)  # fmt: skip
    surgery.unfreeze(model, flags.blocks, freeze_bn="all")
    frozen, part = cut(model, flags.blocks)
    source, target, test = (features_of(frozen, images, flags.cache or folder / "cache") for images in domains)
    budget = Budget(flags.steps, flags.epochs, seed, folder / "checkpoints" / name.replace(" ", "_"))
    scored = None if test is None else (test, domains.test.labels)
    history, select = adapt(part, way, (source, domains.source.labels), target, budget, scored)
    predictions = part.predict(target, batch_size=512, verbose=0)
    row = {"score": information_maximization(predictions), "predicted": predicted(predictions, domains)}
    row |= scores(part, history, select, scored) if scored else {}
    return model, history, row, look(part, (source, domains.source.labels), target)


def features_of(frozen, images, folder):
    """Returns what a part of the model is fed: features that run once, or the images where nothing is frozen."""
    if images is None:
        return None
    return images.images() if frozen is None else cache.features(frozen, images, directory=folder)


def predicted(logits, domains):
    """Returns `{class: how many target images are taken for it}`."""
    counts = np.bincount(logits.argmax(axis=1), minlength=len(domains.source.class_names))
    return dict(zip(domains.source.class_names, counts.tolist(), strict=True))


def run(flags, folder, seed):
    """Trains both rows, exports the one that the guard ships, writes the report and returns the metrics."""
    start = time.perf_counter()
    if flags.smoke:
        flags = dataclasses.replace(flags, steps=2, epochs=1)
    with users_input():
        backbone = open_backbone(flags)
        surgery.unfreeze(surgery.classifier(backbone, 2), flags.blocks)  # refuses a depth that is not there
        domains = load_domains(flags, backbone.input_shape[1:])
        check_batches(flags.way(flags.method.split(",")).batch_size, domains)
    method = " + ".join(flags.method.split(","))
    models, histories, rows, looks = {}, {}, {}, {}
    for name in (BASELINE, method):
        models[name], histories[name], rows[name], looks[name] = train(flags, backbone, domains, folder, seed, name)
    ships, guard = guarded(looks, flags.ship)
    model = models[ships]
    save_model(model, folder / "model.keras")
    order = np.random.default_rng(seed).permutation(len(domains.target))[: 2 * SAMPLES]
    half = len(order) // 2
    calibration = domains.target[order[:half]] if flags.int8 else None
    exported = device_files(model, folder, domains.target[order[half:]], calibration)
    metrics = {
        "recipe": "adapt_images",
        "source": flags.source,
        "target": flags.target,
        "method": method,
        "seed": seed,
        "backbone": flags.backbone,
        "backbone_fingerprint": backbone.fingerprint,
        "depth": flags.depth,
        "classes": len(domains.source.class_names),
        "class_names": list(domains.source.class_names),
        "n_source": len(domains.source),
        "n_target": len(domains.target),
        "seconds": round(time.perf_counter() - start, 1),
        "source_only": rows[BASELINE],
        "adapted": rows[method],
        "ships": ships,
        "guard": guard,
        "rows": rows,
        "export": exported[-1],
        "exports": exported[:-1],
    }
    adapt_report.write(folder / "report.html", domains, models, histories, metrics)
    return metrics


if __name__ == "__main__":
    run_recipe("adapt_images", __doc__.splitlines()[0], Flags, run, adapt_report.summarize)

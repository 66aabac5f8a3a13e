"""Labels elsewhere: photographs with labels from one place, without from another, and a model for the other place.

The source is one folder a class; of the target every image below the folder is taken, and no label is read. Two models
are trained with the same steps: on the source only, and with methods of adaptation that look at the target. What lies
below the trained blocks of the backbone runs once. `--test` is a folder of labelled target images that scores both;
it chooses nothing, and may hold the images of `--target`.

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
from recipes.common import adapt_report  # noqa: E402
from recipes.common.adaptation import Budget, adapt, cut, head  # noqa: E402
from recipes.common.device_files import SAMPLES, device_files  # noqa: E402
from recipes.common.domains import check_batches, load_domains  # noqa: E402
from recipes.common.folders import open_backbone  # noqa: E402
from recipes.common.harness import flag, run_recipe, save_model  # noqa: E402
from recipes.common.scoring import scores  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from recipes.common.ways import WAYS, composed  # noqa: E402
from tlkeras import cache, surgery  # noqa: E402
from tlkeras.backbones import from_handle  # noqa: E402
from tlkeras.validators import information_maximization  # noqa: E402

BASELINE = "source only"
CHOICES = ", ".join(name for name in WAYS if name != "source")


@dataclasses.dataclass
class Flags:
    """Flags of the recipe."""

    source: str = flag("", "folder with one folder of labelled images for each class")
    target: str = flag("", "folder of images of the other place; no label is read")
    test: str = flag("", "folder of labelled images of that place, to score")
    backbone: str = flag("MobileNetV2", "handle: DIR, FILE.tar.gz, https://, kaggle://, applications:NAME, preset:NAME")
    image_size: int = flag(0, "side of the images where the backbone leaves it open; 0: that of its pretraining")
    method: str = flag("mcc", f"one or several, separated by commas, of {CHOICES}")
    depth: str = flag("0", "blocks of the backbone to train, from the top: a number, or all")
    steps: int = flag(2000, "training steps of each model")
    epochs: int = flag(20, "parts of the steps, after each of which the target is scored without labels")
    bottleneck: int = flag(0, "width of the layer that is aligned; 0: that of the method's authors")
    batch_size: int = flag(0, "rows of each domain in a step; 0: that of the method's authors")
    rate: float = flag(0.0, "rate of the head at the start, the backbone has a tenth; 0: that of the method's authors")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    cache: str = flag("", "folder of a feature cache that outlives the run and is shared; by default one in --out")
    int8: bool = flag(True, "write an int8 LiteRT file beside the float32 one")
    smoke: bool = flag(False, "two steps, to see that everything runs")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        for name in ("source", "target"):
            self._require(Path(getattr(self, name) or "-").is_dir(), "must be a folder of images", name)
        self._require(not self.test or Path(self.test).is_dir(), "must be a folder", "test")
        self._require(self.depth == "all" or self.depth.isdecimal(), "must be a number, or all", "depth")
        whole = self.epochs >= 1 and self.steps >= 1 and self.steps % self.epochs == 0
        self._require(whole, "must be a multiple of --epochs, and both at least 1", "steps", "epochs")
        for name in ("image_size", "bottleneck", "batch_size", "rate"):
            self._require(getattr(self, name) >= 0, "must not be negative", name)
        names = self.method.split(",")
        known = set(names) <= set(CHOICES.split(", ")) and len(set(names)) == len(names)
        self._require(known, f"must be some of {CHOICES}, each once, separated by commas", "method")

    def _require(self, fits, rule, *names):
        if not fits:
            received = ", ".join(f"--{name.replace('_', '-')} {getattr(self, name)!r}" for name in names)
            raise ValueError(f"`--{names[0].replace('_', '-')}` {rule}. Received: {received}")

    def way(self, names):
        """Returns how the methods are trained, with what the flags say otherwise."""
        own = {name: getattr(self, name) for name in ("bottleneck", "batch_size", "rate") if getattr(self, name)}
        return dataclasses.replace(composed(names), **own)


def train(flags, backbone, domains, folder, seed, name):
    """Returns `(model, history, row)` of one row; goes on where an interrupted run stopped."""
    names = flags.method.split(",")
    way = flags.way(names) if name != BASELINE else dataclasses.replace(flags.way(names), terms=list)
    print(f"\n{name} (seed {seed})")
    keras.utils.set_random_seed(seed)
    shape = backbone.input_shape[1:] if flags.image_size else None
    model = head(from_handle(flags.backbone, input_shape=shape), len(domains.source.class_names), way.bottleneck)
    surgery.unfreeze(model, depth_of(flags), freeze_bn="all")
    frozen, part = cut(model, depth_of(flags))
    source, target, test = (features_of(frozen, images, flags.cache or folder / "cache") for images in domains)
    budget = Budget(flags.steps, flags.epochs, seed, folder / "checkpoints" / name.replace(" ", "_"))
    scored = None if test is None else (test, domains.test.labels)
    history, select = adapt(part, way, (source, domains.source.labels), target, budget, scored)
    predictions = part.predict(target, batch_size=512, verbose=0)
    row = {"score": information_maximization(predictions), "predicted": predicted(predictions, domains)}
    return model, history, {**row, **(scores(part, history, select, scored) if scored else {})}


def features_of(frozen, images, folder):
    """Returns what a part of the model is fed: features that run once, or the images where nothing is frozen."""
    if images is None:
        return None
    return images.images() if frozen is None else cache.features(frozen, images, directory=folder)


def depth_of(flags):
    """Returns the depth as `tlkeras.surgery.unfreeze` takes it."""
    return int(flags.depth) if flags.depth.isdecimal() else "all"


def predicted(logits, domains):
    """Returns `{class: how many target images are taken for it}`."""
    counts = np.bincount(logits.argmax(axis=1), minlength=len(domains.source.class_names))
    return dict(zip(domains.source.class_names, counts.tolist(), strict=True))


def run(flags, folder, seed):
    """Trains both rows, exports the adapted one, writes the report and returns the metrics."""
    start = time.perf_counter()
    if flags.smoke:
        flags = dataclasses.replace(flags, steps=2, epochs=1)
    with users_input():
        backbone = open_backbone(flags)
        surgery.unfreeze(surgery.classifier(backbone, 2), depth_of(flags))  # refuses a depth that is not there
        domains = load_domains(flags, backbone.input_shape[1:])
        check_batches(flags.way(flags.method.split(",")).batch_size, domains)
    method = " + ".join(flags.method.split(","))
    models, histories, rows = {}, {}, {}
    for name in (BASELINE, method):
        models[name], histories[name], rows[name] = train(flags, backbone, domains, folder, seed, name)
    model = models[method]
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
        "n_source": len(domains.source),
        "n_target": len(domains.target),
        "seconds": round(time.perf_counter() - start, 1),
        "source_only": rows[BASELINE],
        "adapted": rows[method],
        "rows": rows,
        "export": exported[-1],
        "exports": exported[:-1],
    }
    adapt_report.write(folder / "report.html", domains, models, histories, metrics)
    return metrics


if __name__ == "__main__":
    run_recipe("adapt_images", __doc__.splitlines()[0], Flags, run, adapt_report.summarize)

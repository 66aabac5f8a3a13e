"""How many labels does it take? Accuracy over labels: from scratch, frozen, fine-tuned, and with each regulariser.

For every number of labels and every seed, the same images train each row; the test images are never among them. The
rows train the head on the frozen backbone first and then the top `--depth` blocks, `from scratch` everything from
random weights (only where the backbone can be made without its weights: `applications:`).

    python recipes/few_labels.py --data photos --backbone MobileNetV2 --seeds 5
    python recipes/few_labels.py --data photos/train --test photos/val --labels 1,2,5,10,20 --depth 4 --seeds 5
"""

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import labels_report  # noqa: E402
from recipes.common.finetuning import METHODS, Plan, train  # noqa: E402
from recipes.common.folders import load, open_backbone, unpretrained  # noqa: E402
from recipes.common.harness import flag, run_recipe  # noqa: E402
from recipes.common.scoring import accuracy  # noqa: E402
from tlkeras.data import few_per_class, stratified_split  # noqa: E402


@dataclasses.dataclass
class Flags:
    """Flags of the recipe."""

    data: str = flag("", "folder with one folder of images for each class")
    test: str = flag("", "such a folder to score; by default a part of --data")
    tfds: str = flag("", "data set that TFDS has prepared, instead of --data")
    data_dir: str = flag("", "with --tfds: where it was prepared")
    backbone: str = flag("MobileNetV2", "handle: DIR, FILE.tar.gz, https://, kaggle://, applications:NAME, preset:NAME")
    image_size: int = flag(0, "side of the images where the backbone leaves it open; 0: that of its pretraining")
    labels: str = flag("15%,30%,50%,100%", "labels to train on: shares, or images of each class, separated by commas")
    methods: str = flag("l2sp,delta,bss,bituning,stochnorm,lora", "regularisers to compare, separated by commas")
    depth: int = flag(4, "blocks of the backbone to fine-tune, from the top")
    head_epochs: int = flag(30, "epochs of the head alone")
    epochs: int = flag(15, "epochs at --depth, after those")
    scratch_epochs: int = flag(20, "epochs from random weights")
    head_rate: float = flag(1e-3, "rate of Adam for the head alone, and from scratch")
    rate: float = flag(1e-4, "rate of Adam at --depth")
    batch_size: int = flag(32, "images in a step")
    test_fraction: float = flag(0.2, "part of --data to score, where there is no --test")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    cache: str = flag("", "folder of the feature cache, to share it between runs (default: in --out)")
    smoke: bool = flag(False, "one epoch each, two numbers of labels, to see that everything runs")

    def __post_init__(self):
        """Checks the flags that belong together."""
        if bool(self.data) == bool(self.tfds):
            raise ValueError(f"Give one of `--data` and `--tfds`. Received: data={self.data!r}, tfds={self.tfds!r}")
        unknown = sorted(set(self.methods.split(",")) - set(METHODS))
        if unknown:
            raise ValueError(f"`--methods` must be some of {', '.join(METHODS)}. Received: {unknown}")
        for text in self.labels.split(","):
            number = text.removesuffix("%")
            if not number.isdigit() or not 0 < int(number) or (text.endswith("%") and int(number) > 100):
                raise ValueError(
                    f"`--labels` must be shares in 1%..100% or numbers >= 1. Received: --labels {self.labels}"
                )


def run(flags, folder, seed):
    """Trains every row for every number of labels and returns the metrics; rows that are done are not repeated."""
    start = time.perf_counter()
    if flags.smoke:
        few = ",".join(flags.labels.split(",")[:2])
        flags = dataclasses.replace(flags, head_epochs=1, epochs=1, scratch_epochs=1, labels=few)
    backbone = open_backbone(flags)
    shape = backbone.input_shape[1:]
    images, test = load(flags, shape, seed)
    pixels, results = test.images(), labels_report.Rows(folder / "rows.json")
    cache_folder = Path(flags.cache) if flags.cache else folder / "cache"
    for text in flags.labels.split(","):
        rows = chosen_rows(images, text, seed)
        for name, plan in plans(flags, shape).items():
            if results.has(text, name):
                continue
            place = folder / "checkpoints" / text.replace("%", "_percent") / name.replace(" ", "_")
            model, _ = train(plan, images, place, seed, cache_folder, rows)
            results.add(text, name, len(rows), accuracy(model, pixels, test.labels))
            print(f"{text} ({len(rows)} images), {name}: {100 * results.accuracy(text, name):.1f} %")
    metrics = {
        "recipe": "few_labels",
        "source": flags.backbone,
        "target": flags.data or flags.tfds,
        "method": flags.methods,
        "seed": seed,
        "backbone": flags.backbone,
        "backbone_fingerprint": backbone.fingerprint,
        "classes": len(images.class_names),
        "n_source": len(images),
        "n_target": len(test),
        "seconds": round(time.perf_counter() - start, 1),
        "rows": results.rows,
    }
    labels_report.summarize(folder, [metrics])
    return metrics


def chosen_rows(images, text, seed):
    """Returns the rows that a number of labels names; those of a smaller number are among those of a larger."""
    if not text.endswith("%"):
        return few_per_class(images.labels, int(text), seed, class_names=images.class_names)
    share = int(text[:-1]) / 100
    if share == 1:
        return np.arange(len(images))
    return stratified_split(images.labels, (share, 1 - share), seed, class_names=images.class_names)[0]


def plans(flags, shape):
    """Returns the rows of the comparison, `{name: plan}`."""
    size = shape if flags.image_size else None
    frozen = Plan(
        flags.backbone, size, 0, "none", flags.head_epochs, flags.epochs, flags.head_rate, flags.rate, flags.batch_size
    )
    tuned = dataclasses.replace(frozen, depth=flags.depth)
    scratch = unpretrained(flags.backbone)
    rows = {"frozen": frozen, "fine-tuned": tuned}
    if scratch:
        fresh = {"depth": "all", "head_epochs": 0, "epochs": flags.scratch_epochs, "rate": flags.head_rate}
        rows = {"from scratch": dataclasses.replace(frozen, handle=scratch, scratch=True, **fresh), **rows}
    return rows | {name: dataclasses.replace(tuned, method=name) for name in flags.methods.split(",") if name != "none"}


if __name__ == "__main__":
    run_recipe("few_labels", __doc__.splitlines()[0], Flags, run, labels_report.summarize)

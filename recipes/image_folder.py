"""Own photographs, one folder a class: a pretrained backbone, fine-tuned as deep as pays, and a file for a device.

The images are split once, by class and seed, unless `--test` names a folder. Two models are compared: the head on the
frozen backbone, and the same with the top blocks of the backbone trained after it. `--depth search` chooses the depth
by accuracy on a fifth of the training images; the test images choose nothing.

    python recipes/image_folder.py --data photos --backbone MobileNetV2
    python recipes/image_folder.py --data photos/train --test photos/val --backbone hub/mobilenet --depth all --seeds 5
    python recipes/image_folder.py --data photos --backbone kaggle://google/mobilenet-v2/... --depth search
    python recipes/image_folder.py --tfds tf_flowers --backbone EfficientNetB0 --method l2sp --depth 4
"""

import dataclasses
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import folder_report  # noqa: E402
from recipes.common.device_files import SAMPLES, device_files  # noqa: E402
from recipes.common.finetuning import check, train  # noqa: E402
from recipes.common.folder_flags import FolderFlags  # noqa: E402
from recipes.common.folder_trials import FolderTrials  # noqa: E402
from recipes.common.folders import load, open_backbone  # noqa: E402
from recipes.common.harness import flag, run_recipe, save_model  # noqa: E402
from recipes.common.plan import METHODS, Plan  # noqa: E402
from recipes.common.scoring import accuracy  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras.data import stratified_split  # noqa: E402
from tlkeras.tuning import Choice, Float  # noqa: E402

SEARCH = {
    "depth": Choice(("0", "2", "4", "8", "all")),
    "rate": Float(1e-5, 1e-2, log=True),
    "head_rate": Float(1e-4, 1e-2, log=True),
    "batch_size": Choice((16, 32, 64)),
    "method": Choice(("none", "l2sp", "delta", "bss")),
    "augment": Choice((0, 2, 4)),
}
LENGTH = ("head_epochs", "epochs")
OBJECTIVES = ("held_out_accuracy",)

@dataclasses.dataclass
class Flags(FolderFlags):
    """Flags of the recipe."""

    depth: str = flag("search", "blocks of the backbone to train, from the top: a number, all, or search")
    method: str = flag("none", f"regularisation of the fine-tuning: {', '.join(METHODS)}")
    augment: int = flag(0, "augmented copies of each image; 0: none")
    train_bn: bool = flag(False, "let BatchNorm of the trained blocks use and move batch statistics")
    weigh_classes: bool = flag(False, "let rare classes count as much as frequent ones")
    int8: bool = flag(True, "write an int8 LiteRT file beside the float32 one")
    smoke: bool = flag(False, "two epochs, no search, to see that everything runs")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        super().__post_init__()
        self._require(self.augment >= 0, "must be at least 0", "augment")
        self._require(self.depth in ("all", "search") or self.depth.isdecimal(), "must be a number, all, or search",
                      "depth")  # fmt: skip
        self._require(self.method in METHODS, f"must be one of {', '.join(METHODS)}", "method")
        self._require(self.method == "none" or self.depth != "0", "needs blocks to train", "method", "depth")


def run(flags, folder, seed):
    """Trains both rows, exports the fine-tuned one, writes the report and returns the metrics."""
    start = time.perf_counter()
    if flags.smoke:
        depth = "1" if flags.depth == "search" else flags.depth
        flags = dataclasses.replace(flags, depth=depth, head_epochs=2, epochs=2)
    with users_input():
        backbone, plan, images, test, parts = prepare(flags, folder, seed)
    searched = search(plan, images, parts, len(backbone.blocks), folder) if parts else {}
    depth = max(searched, key=searched.get) if searched else trained_depth(flags)
    plans = {"frozen": plan}
    if depth != 0:
        deep = dataclasses.replace(plan, depth=depth, method=flags.method)
        plans["fine-tuned" if flags.method == "none" else f"fine-tuned, {flags.method}"] = deep
    model, histories, rows = train_rows(plans, images, test, folder)
    save_model(model, folder / "model.keras")
    exported = files(model, images, test.images(), folder, flags, seed)
    method = list(plans)[-1]
    metrics = {
        "recipe": "image_folder",
        "source": flags.backbone,
        "target": flags.data or flags.tfds,
        "method": method,
        "seed": seed,
        "backbone": flags.backbone,
        "backbone_fingerprint": backbone.fingerprint,
        "classes": len(images.class_names),
        "class_names": list(images.class_names),
        "n_source": len(images),
        "n_target": len(test),
        "depth": rows[method]["depth"],
        "search": {str(depth): value for depth, value in searched.items()},
        "seconds": round(time.perf_counter() - start, 1),
        "source_only": {"target_accuracy": rows["frozen"]["target_accuracy_last"]},
        "adapted": rows[method],
        "rows": rows,
        "export": exported[-1],
        "exports": exported[:-1],
    }
    folder_report.write(folder / "report.html", model, histories, metrics, test)
    return metrics


def plan_of(flags, shape, folder, seed):
    """Returns the plan of the frozen row."""
    return Plan(
        flags.backbone, flags.cache or folder / "cache", seed, shape if flags.image_size else None, 0, "none",
        flags.head_epochs, flags.epochs, flags.head_rate, flags.rate, flags.batch_size, flags.augment,
        flags.train_bn, weigh_classes=flags.weigh_classes,
    )  # fmt: skip


def prepare(flags, folder, seed):
    """Returns backbone, plan of the frozen row, images, and the parts of a search; what does not fit fails here."""
    backbone = open_backbone(flags)
    shape = backbone.input_shape[1:]
    plan = plan_of(flags, shape, folder, seed)
    check([dataclasses.replace(plan, depth=trained_depth(flags), method=flags.method)], backbone)
    images, test = load(flags, shape, seed)
    parts = None
    if flags.depth == "search":
        parts = stratified_split(images.labels, (0.8, 0.2), seed, class_names=images.class_names)
    return backbone, plan, images, test, parts


def trained_depth(flags):
    """Returns `--depth` as a number or "all", which is also the deepest that a search may choose."""
    return int(flags.depth) if flags.depth.isdecimal() else "all"


def trials(flags, folder, objective):
    """Returns the function of `(flags, seed, report)` that trains one model of a search (`tlkeras tune`)."""
    return FolderTrials(flags, folder, lambda own, shape, seed: dataclasses.replace(
        plan_of(own, shape, folder, seed), depth=trained_depth(own), method=own.method))  # fmt: skip


def train_rows(plans, images, test, folder):
    """Returns the model of the last row, `{phase: history}` and `{row: accuracy and depth}`."""
    histories, rows, pixels = {}, {}, test.images()
    for name, plan in plans.items():
        print(f"\n{name} (depth {plan.depth}, seed {plan.seed})")
        model, phases = train(plan, images, folder, name.replace(", ", "_"))
        histories.update(phases)  # the head is the same in both rows
        rows[name] = {"target_accuracy_last": accuracy(model, pixels, test.labels), "depth": str(plan.depth)}
        print(f"test accuracy {100 * rows[name]['target_accuracy_last']:.1f} %")
    return model, histories, rows


def search(plan, images, parts, blocks, folder):
    """Returns `{depth: accuracy on the second part of the training images}`; each depth is trained on the first."""
    trained, (pixels, labels), scores = parts[0], (images[parts[1]], images.labels[parts[1]]), {}
    for depth in [0, *(depth for depth in (2, 4, 8, 12) if depth < blocks), "all"]:
        model, _ = train(dataclasses.replace(plan, depth=depth), images, folder, f"search/depth_{depth}", trained)
        scores[depth] = accuracy(model, pixels, labels)
        print(f"depth {depth}: {100 * scores[depth]:.1f} % of {len(labels)} held-out training images")
    print(f"depth {max(scores, key=scores.get)} is chosen")
    return scores


def files(model, images, pixels, folder, flags, seed):
    """Writes the files for a device, calibrated on training images and run on test images; returns their records."""
    draw = np.random.default_rng(seed)
    samples = pixels[draw.permutation(len(pixels))[:SAMPLES]]
    calibration = images[draw.permutation(len(images))[:SAMPLES]]
    return device_files(model, folder, samples, calibration if flags.int8 else None)


if __name__ == "__main__":
    run_recipe("image_folder", __doc__.splitlines()[0], Flags, run, folder_report.summarize)

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
from recipes.common.finetuning import METHODS, Plan, train  # noqa: E402
from recipes.common.folders import load, open_backbone  # noqa: E402
from recipes.common.harness import flag, run_recipe, save_model  # noqa: E402
from recipes.common.scoring import accuracy  # noqa: E402
from tlkeras import export  # noqa: E402


@dataclasses.dataclass
class Flags:
    """Flags of the recipe."""

    data: str = flag("", "folder with one folder of images for each class")
    test: str = flag("", "such a folder to score; by default a part of --data")
    tfds: str = flag("", "data set that TFDS has prepared, instead of --data")
    data_dir: str = flag("", "with --tfds: where it was prepared")
    backbone: str = flag("MobileNetV2", "handle: DIR, FILE.tar.gz, https://, kaggle://, applications:NAME, preset:NAME")
    image_size: int = flag(0, "side of the images where the backbone leaves it open; 0: that of its pretraining")
    depth: str = flag("search", "blocks of the backbone to train, from the top: a number, all, or search")
    method: str = flag("none", f"regularisation of the fine-tuning: {', '.join(METHODS)}")
    head_epochs: int = flag(30, "epochs of the head alone")
    epochs: int = flag(15, "epochs at --depth, after those")
    head_rate: float = flag(1e-3, "rate of Adam for the head alone")
    rate: float = flag(1e-4, "rate of Adam at --depth")
    batch_size: int = flag(32, "images in a step")
    augment: int = flag(0, "augmented copies of each image; 0: none")
    train_bn: bool = flag(False, "let BatchNorm of the trained blocks use and move batch statistics")
    weigh_classes: bool = flag(False, "let rare classes count as much as frequent ones")
    test_fraction: float = flag(0.2, "part of --data to score, where there is no --test")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    cache: str = flag("", "folder of the feature cache, to share it between runs (default: in --out)")
    int8: bool = flag(True, "write an int8 LiteRT file beside the float32 one")
    smoke: bool = flag(False, "two epochs, no search, to see that everything runs")

    def __post_init__(self):
        """Checks the flags that belong together."""
        if bool(self.data) == bool(self.tfds):
            raise ValueError(f"Give one of `--data` and `--tfds`. Received: data={self.data!r}, tfds={self.tfds!r}")
        if self.method not in METHODS:
            raise ValueError(f"`--method` must be one of {', '.join(METHODS)}. Received: --method {self.method}")
        if not (self.depth in ("all", "search") or self.depth.isdigit()):
            raise ValueError(f"`--depth` must be a number, all, or search. Received: --depth {self.depth}")


def run(flags, folder, seed):
    """Trains both rows, exports the better-founded one, writes the report and returns the metrics."""
    start = time.perf_counter()
    if flags.smoke:
        depth = "0" if flags.depth == "search" else flags.depth
        flags = dataclasses.replace(flags, depth=depth, head_epochs=2, epochs=2)
    backbone = open_backbone(flags)
    shape = backbone.input_shape[1:]
    images, test = load(flags, shape, seed)
    plan = Plan(
        flags.backbone, shape if flags.image_size else None, 0, "none", flags.head_epochs, flags.epochs,
        flags.head_rate, flags.rate, flags.batch_size, flags.augment, flags.train_bn, weigh_classes=flags.weigh_classes,
    )  # fmt: skip
    cache_folder = Path(flags.cache) if flags.cache else folder / "cache"
    searched = search(plan, images, len(backbone.blocks), folder, seed, cache_folder) if flags.depth == "search" else {}
    depth = max(searched, key=searched.get) if searched else flags.depth
    plans = {"frozen": plan}
    if depth not in (0, "0"):
        deep = dataclasses.replace(plan, depth="all" if depth == "all" else int(depth), method=flags.method)
        plans["fine-tuned" if flags.method == "none" else f"fine-tuned, {flags.method}"] = deep
    models, histories, rows = {}, {}, {}
    pixels = test.images()
    for name, chosen in plans.items():
        print(f"\n{name} (depth {chosen.depth}, seed {seed})")
        place = folder / "checkpoints" / name.replace(", ", "_").replace(" ", "_")
        models[name], phases = train(chosen, images, place, seed, cache_folder)
        histories.update({f"{name}, {phase}": history for phase, history in phases.items()})
        rows[name] = {"target_accuracy_last": accuracy(models[name], pixels, test.labels), "depth": chosen.depth}
        print(f"test accuracy {100 * rows[name]['target_accuracy_last']:.1f} %")
    method, model = name, models[name]
    save_model(model, folder / "model.keras")
    metrics = {
        "recipe": "image_folder",
        "source": flags.backbone,
        "target": flags.data or flags.tfds,
        "method": method,
        "seed": seed,
        "backbone": flags.backbone,
        "backbone_fingerprint": backbone.fingerprint,
        "classes": len(images.class_names),
        "n_source": len(images),
        "n_target": len(test),
        "depth": rows[method]["depth"],
        "search": {str(depth): value for depth, value in searched.items()},
        "seconds": round(time.perf_counter() - start, 1),
        "source_only": {"target_accuracy": rows["frozen"]["target_accuracy_last"]},
        "adapted": rows[method],
        "rows": rows,
        "exports": files(model, images, pixels, folder, flags, seed),
    }
    folder_report.write(folder / "report.html", model, histories, metrics, test)
    return metrics


def search(plan, images, blocks, folder, seed, cache_folder):
    """Returns `{depth: accuracy on a fifth of the training images}`; each depth is trained on the other four."""
    part, held_out = images.split((0.8, 0.2), seed)
    pixels, scores = held_out.images(), {}
    for depth in [0, *(depth for depth in (2, 4, 8, 12) if depth < blocks), "all"]:
        place = folder / "checkpoints" / "search" / f"depth_{depth}"
        model, _ = train(dataclasses.replace(plan, depth=depth), part, place, seed, cache_folder)
        scores[depth] = accuracy(model, pixels, held_out.labels)
        print(f"depth {depth}: {100 * scores[depth]:.1f} % of {len(held_out)} held-out training images")
    return scores


def files(model, images, pixels, folder, flags, seed):
    """Writes SavedModel and LiteRT files, runs the latter on test images, and returns what that showed."""
    export.to_saved_model(model, folder / "saved_model")
    samples = pixels[:200]
    rows = [export.export_litert(model, folder / "model_float32.tflite", samples=samples, min_agreement=0.99)]
    if flags.int8:
        chosen = np.random.default_rng(seed).permutation(len(images))[:200]
        rows.append(
            export.export_litert(
                model, folder / "model_int8.tflite", samples=samples, quantize="int8", calibration=images[chosen],
                min_agreement=0.5,
            )
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    run_recipe("image_folder", __doc__.splitlines()[0], Flags, run, folder_report.summarize)

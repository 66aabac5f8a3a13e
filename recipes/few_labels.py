"""How many labels does it take? Accuracy over labels: from scratch, frozen, fine-tuned, and with each regulariser.

For every number of labels and every seed, the same images train each row; the test images are never among them. The
rows train the head on the frozen backbone first and then the top `--depth` blocks, `from scratch` everything from
random weights (only where the backbone can be made without its weights: `applications:`).
`--methods distillation` adds a row that follows the logits of the frozen one. Co-Tuning is no row: it needs the source
classifier, which feature vectors and weights without the top do not have.

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
from recipes.common.finetuning import check, train  # noqa: E402
from recipes.common.folder_flags import FolderFlags  # noqa: E402
from recipes.common.folders import load, open_backbone, unpretrained  # noqa: E402
from recipes.common.harness import flag, run_recipe  # noqa: E402
from recipes.common.plan import METHODS, Plan  # noqa: E402
from recipes.common.scoring import accuracy  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras.data import few_per_class, stratified_split  # noqa: E402


@dataclasses.dataclass
class Flags(FolderFlags):
    """Flags of the recipe."""

    labels: str = flag("15%,30%,50%,100%", "labels to train on: shares, or images of each class, separated by commas")
    methods: str = flag("l2sp,delta,bss,bituning,stochnorm,lora", "regularisers to compare, separated by commas")
    depth: int = flag(4, "blocks of the backbone to fine-tune, from the top")
    scratch_epochs: int = flag(20, "epochs from random weights")
    smoke: bool = flag(False, "one epoch each, two numbers of labels, to see that everything runs")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        super().__post_init__()
        for name in ("depth", "scratch_epochs"):
            self._require(getattr(self, name) >= 1, "must be at least 1", name)
        known = set(self.methods.split(",")) <= set(METHODS)
        self._require(known, f"must be some of {', '.join(METHODS)}, separated by commas", "methods")
        for text in self.labels.split(","):
            number = text.removesuffix("%")
            fits = number.isdecimal() and int(number) > 0 and (number == text or int(number) <= 100)
            self._require(fits, "must be shares in 1%..100% or numbers >= 1, separated by commas", "labels")


def run(flags, folder, seed):
    """Trains every row for every number of labels and returns the metrics; rows that are done are not repeated."""
    start = time.perf_counter()
    if flags.smoke:
        few = ",".join(flags.labels.split(",")[:2])
        flags = dataclasses.replace(flags, head_epochs=1, epochs=1, scratch_epochs=1, labels=few)
    with users_input():
        backbone = open_backbone(flags)
        shape = backbone.input_shape[1:]
        planned = plans(flags, shape, folder, seed)
        check(planned.values(), backbone)
        images, test = load(flags, shape, seed)
        chosen = {text: chosen_rows(images, text, seed) for text in flags.labels.split(",")}
    pixels, results = test.images(), labels_report.Rows(folder / "rows.json")
    for text, rows in chosen.items():
        for name, plan in planned.items():
            if results.has(text, name):
                continue
            place = f"{text.replace('%', '_percent')}/{name.replace(' ', '_')}"
            model, _ = train(plan, images, folder, place, rows)
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


def plans(flags, shape, folder, seed):
    """Returns the rows of the comparison, `{name: plan}`."""
    frozen = Plan(
        flags.backbone, flags.cache or folder / "cache", seed, shape if flags.image_size else None, 0, "none",
        flags.head_epochs, flags.epochs, flags.head_rate, flags.rate, flags.batch_size,
    )  # fmt: skip
    tuned = dataclasses.replace(frozen, depth=flags.depth)
    scratch = unpretrained(flags.backbone)
    rows = {"frozen": frozen, "fine-tuned": tuned}
    if scratch:
        fresh = {"depth": "all", "head_epochs": 0, "epochs": flags.scratch_epochs, "rate": flags.head_rate}
        rows = {"from scratch": dataclasses.replace(frozen, handle=scratch, scratch=True, **fresh), **rows}
    return rows | {name: dataclasses.replace(tuned, method=name) for name in flags.methods.split(",") if name != "none"}


if __name__ == "__main__":
    run_recipe("few_labels", __doc__.splitlines()[0], Flags, run, labels_report.summarize)

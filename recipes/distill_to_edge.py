"""A trained image classifier taught to a smaller one: unlabelled images of the target are enough.

The teacher is a `.keras` file of another recipe, or any classifier of images in 0-255. Teacher and student see the same
augmented image of the target, and the student learns the teacher's softened answers; no label is read. With `--source`
the same student is also trained on the labels of the source alone, for comparison, over as many images. Both files of
teacher and student are run and measured side by side. `--test` is a folder of labelled target images that scores; it
chooses nothing, and may hold the images of `--target`.

    python recipes/distill_to_edge.py --teacher runs/adapted/model.keras --target street
    python recipes/distill_to_edge.py --teacher model.keras --target street --prune 0.5
    python recipes/distill_to_edge.py --teacher model.keras --target street --source studio --test labelled --seeds 3
    python recipes/distill_to_edge.py --teacher model.keras --target street --student 'MobileNetV2?alpha=0.35'
"""

import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import distill_report  # noqa: E402
from recipes.common.device_files import SAMPLES, device_files  # noqa: E402
from recipes.common.distilling import (  # noqa: E402
    SMALL,
    Course,
    learn_from_labels,
    learn_from_teacher,
    make_student,
    open_teacher,
)
from recipes.common.domains import some_domains  # noqa: E402
from recipes.common.harness import flag, run_recipe, save_model  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import export  # noqa: E402
from tlkeras.backbones.fingerprints import digest_layer  # noqa: E402

DISTILLED, LABELS = "distilled", "source labels"


@dataclasses.dataclass
class Flags:
    """Flags of the recipe."""

    teacher: str = flag("", ".keras file of a classifier of images in 0-255")
    target: str = flag("", "folder of images of the place where the device runs; no label is read")
    source: str = flag("", "folder with one folder of labelled images for each class, for the comparison")
    test: str = flag("", "such a folder with images of the target's place, to score")
    student: str = flag(SMALL, f"{SMALL}: a network of six convolutions; or the handle of a backbone")
    prune: float = flag(0.0, "share of its channels that the teacher keeps as the student, instead of --student; 0: no")
    epochs: int = flag(30, "passes over the target")
    batch_size: int = flag(32, "images in a step")
    rate: float = flag(1e-3, "rate of Adam at the start; it falls to 0 along a cosine")
    temperature: float = flag(2.0, "of the teacher's answers: the larger, the more the unlikely classes count")
    augment: bool = flag(True, "mirror, turn and zoom the images a little, anew in every epoch")
    skip_unreadable: bool = flag(False, "go on without the images that cannot be read, and print how many")
    int8: bool = flag(True, "write int8 LiteRT files beside the float32 ones")
    smoke: bool = flag(False, "one epoch, to see that everything runs")

    def __post_init__(self):
        """Checks the flags one by one, and those that belong together."""
        self._require(Path(self.teacher or "-").is_file(), "must be a .keras file", "teacher")
        self._require(Path(self.target or "-").is_dir(), "must be a folder of images", "target")
        for name in ("source", "test"):
            path = getattr(self, name)
            self._require(not path or Path(path).is_dir(), "must be a folder", name)
        self._require(0 <= self.prune <= 1, "must lie between 0 and 1", "prune")
        self._require(not self.prune or self.student == SMALL, "takes the place of --student", "prune", "student")
        for name in ("epochs", "batch_size"):
            self._require(getattr(self, name) >= 1, "must be at least 1", name)
        for name in ("rate", "temperature"):
            self._require(getattr(self, name) > 0, "must be above 0", name)

    def _require(self, fits, rule, *names):
        if not fits:
            received = ", ".join(f"--{name.replace('_', '-')} {getattr(self, name)!r}" for name in names)
            raise ValueError(f"`--{names[0].replace('_', '-')}` {rule}. Received: {received}")


def run(flags, folder, seed):
    """Trains the student, writes and measures the files of both models, and returns the metrics."""
    start = time.perf_counter()
    flags = dataclasses.replace(flags, epochs=1) if flags.smoke else flags
    with users_input():
        teacher = open_teacher(flags.teacher)
        make_student(flags.student, flags.prune, teacher)  # refuses what does not fit
        domains = some_domains(flags, teacher.input_shape[1:], teacher.output_shape[-1])
    pixels = domains.target.images()
    answers = teacher.predict(pixels, batch_size=64, verbose=0).argmax(axis=1)
    scored = (domains.test.images(), domains.test.labels) if domains.test else None
    models, histories, rows = {"teacher": teacher}, {}, {}
    for name in ([LABELS] if domains.source else []) + [DISTILLED]:
        models[name], histories[name] = train(name, flags, teacher, domains, folder, seed)
    for name, model in models.items():
        found = model.predict(pixels, batch_size=64, verbose=0).argmax(axis=1)
        rows[name] = {"agreement_with_teacher": float(np.mean(found == answers)), "weights": model.count_params()}
        if scored:
            found = model.predict(scored[0], batch_size=64, verbose=0).argmax(axis=1)
            rows[name]["target_accuracy_last"] = float(np.mean(found == scored[1]))
    save_model(models[DISTILLED], folder / "model.keras")
    exported, measured = files(flags, models, domains, folder, seed)
    metrics = {
        "recipe": "distill_to_edge",
        "source": flags.source,
        "target": flags.target,
        "method": DISTILLED,
        "seed": seed,
        "teacher": flags.teacher,
        "backbone": f"{flags.prune:g} of the teacher" if flags.prune else flags.student,
        "backbone_fingerprint": digest_layer(teacher),
        "classes": teacher.output_shape[-1],
        "n_source": len(domains.source or ()),
        "n_target": len(domains.target),
        "seconds": round(time.perf_counter() - start, 1),
        "source_only": {"target_accuracy": rows.get(LABELS, {}).get("target_accuracy_last")},
        "adapted": rows[DISTILLED],
        "rows": rows,
        "export": exported[-1],
        "exports": exported[:-1],
        "files": measured,
    }
    distill_report.write(folder / "report.html", domains, models[DISTILLED], histories, metrics)
    return metrics


def train(name, flags, teacher, domains, folder, seed):
    """Returns a trained student and its history."""
    print(f"\n{name} (seed {seed})")
    keras.utils.set_random_seed(seed)
    student, epochs = make_student(flags.student, flags.prune, teacher), flags.epochs
    place = folder / "checkpoints" / name.replace(" ", "_")
    course = Course(epochs, flags.batch_size, flags.rate, flags.augment, seed, place)
    if name == DISTILLED:
        return student, learn_from_teacher(student, teacher, domains.target, course, flags.temperature)
    passes = max(1, round(epochs * len(domains.target) / len(domains.source)))  # as many images for both
    return student, learn_from_labels(student, domains.source, dataclasses.replace(course, epochs=passes))


def files(flags, models, domains, folder, seed):
    """Writes the files of teacher and student; returns the records of the student's, and all of them side by side."""
    order = np.random.default_rng(seed).permutation(len(domains.target))[: 2 * SAMPLES]
    samples, calibration = (domains.target[rows] for rows in np.array_split(order, 2))
    taught = folder / "teacher"
    taught.mkdir(exist_ok=True)
    exported = {
        place: device_files(models[name], place, samples, calibration if flags.int8 else None)
        for name, place in (("teacher", taught), (DISTILLED, folder))
    }
    written = [file["path"] for place in (taught, folder) for file in exported[place] if "failed" not in file]
    measured = export.bench(written, threads=(1,), images=domains.test) if written else []
    return exported[folder], [
        {
            "path": row["path"],
            "bytes": row["bytes"],
            "latency_ms_median": row["latency"][1]["median_ms"],
            "latency_ratio": row["latency"][1]["ratio"],
            "accuracy": row.get("accuracy"),
        }
        for row in measured
    ]


if __name__ == "__main__":
    run_recipe("distill_to_edge", __doc__.splitlines()[0], Flags, run, distill_report.summarize)

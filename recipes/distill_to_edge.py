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
from recipes.common.distill_flags import Flags  # noqa: E402
from recipes.common.distilling import (  # noqa: E402
    Course,
    learn_from_labels,
    learn_from_teacher,
    make_student,
    open_teacher,
)
from recipes.common.domains import some_domains  # noqa: E402
from recipes.common.harness import run_recipe, save_model  # noqa: E402
from recipes.common.users_input import users_input  # noqa: E402
from tlkeras import export  # noqa: E402
from tlkeras.backbones.fingerprints import digest_layer  # noqa: E402

DISTILLED, LABELS = "distilled", "source labels"


def run(flags, folder, seed):
    """Trains the student, writes and measures the files of both models, and returns the metrics."""
    start = time.perf_counter()
    with users_input():
        teacher = open_teacher(flags.teacher)
        make_student(flags.student, flags.prune, teacher)  # refuses what does not fit
        domains = some_domains(flags, teacher.input_shape[1:], teacher.output_shape[-1])
    if flags.smoke:
        flags = dataclasses.replace(flags, epochs=1)
        domains = few(domains, 2 * flags.batch_size)
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


def few(domains, count):
    """Returns so many images of each domain, of all classes."""
    return type(domains)(
        *(
            images and images.subset(np.unique(np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)))
            for images in domains
        )
    )


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
    written = [file for place in (taught, folder) for file in exported[place] if "failed" not in file]
    paths = [file["path"] for file in written]
    measured = export.bench(paths, threads=(1,), images=domains.test) if paths else []
    return exported[folder], [
        {
            "path": row["path"],
            "bytes": row["bytes"],
            "agreement": file["agreement"],
            "latency_ms_median": row["latency"][1]["median_ms"],
            "latency_ratio": row["latency"][1]["ratio"],
            "accuracy": row.get("accuracy"),
        }
        for file, row in zip(written, measured, strict=True)
    ]


if __name__ == "__main__":
    run_recipe("distill_to_edge", __doc__.splitlines()[0], Flags, run, distill_report.summarize)

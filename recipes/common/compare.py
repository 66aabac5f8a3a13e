"""Source only and an adapted model, trained with the same steps; the guard says which ships, and its files are run."""

import dataclasses
from typing import NamedTuple

import keras
import numpy as np

from recipes.common.adaptation import Budget, adapt
from recipes.common.device_files import SAMPLES, litert_files
from recipes.common.guarding import guarded, look
from recipes.common.harness import save_model
from recipes.common.held_out import held_out
from recipes.common.scoring import scores
from tlkeras import export

BASELINE = "source only"


class Comparison(NamedTuple):
    """What was trained.

    Attributes:
        models: `{row: whole model}`.
        parts: `{row: the part of it that was trained}`.
        inputs: `recipes.common.task.Rows`: the inputs of the parts.
        histories: `{row: {series: values}}`.
        metrics: What `metrics.json` holds of it.
    """

    models: dict
    parts: dict
    inputs: tuple
    histories: dict
    metrics: dict

    @property
    def shipped(self):
        """The whole model that ships."""
        return self.models[self.metrics["ships"]]


def compare(task, flags, folder, seed) -> Comparison:
    """Trains both rows and has the guard decide; goes on where an interrupted run stopped.

    Args:
        task: `recipes.common.task.Task`.
        flags: `recipes.common.method_flags.MethodFlags`.
        folder: `pathlib.Path` of the run.
        seed: Seed of weights and order.
    """
    names = flags.method.split(",")
    method = " + ".join(names)
    models, parts, histories, rows, looks = {}, {}, {}, {}, {}
    for name in (BASELINE, method):
        way = flags.way(names) if name != BASELINE else dataclasses.replace(flags.way(names), terms=list)
        print(f"\n{name} (seed {seed})")
        keras.utils.set_random_seed(seed)
        models[name] = task.whole(flags, way)
        part, inputs = task.cut(models[name], flags)
        parts[name], source = part, (inputs.source, task.source_labels)
        scored = None if inputs.test is None else (inputs.test, task.test_labels)
        checkpoints = folder / "checkpoints" / name.replace(" ", "_")
        budget = Budget(flags.steps, flags.epochs, seed, checkpoints, task.backbone_rate)
        histories[name], select = adapt(part, way, source, inputs.target, budget, scored, problem=task.problem)
        outputs = part.predict(inputs.target, batch_size=512, verbose=0)
        rows[name] = task.problem.unlabelled(outputs, task.names)
        rows[name] |= scores(part, histories[name], select, scored, task.problem) if scored else {}
        looks[name] = look(part, held_out(source, task.problem)[1] or source, inputs.target)
    ships, guard = guarded(looks, flags.ship, prior=task.problem.prior(task.source_labels))
    metrics = {
        "method": method,
        "seed": seed,
        "measure": task.problem.measure,
        "classes": len(task.names),
        "class_names": list(task.names),
        "n_source": len(task.source_labels),
        "n_target": task.target_count,
        "source_only": rows[BASELINE],
        "adapted": rows[method],
        "ships": ships,
        "guard": guard,
        "rows": rows,
    }
    return Comparison(models, parts, inputs, histories, metrics)


def ship(task, comparison, flags, folder, seed) -> dict:
    """Writes the model that ships and its files, runs them on target rows, and returns what that showed.

    Args:
        task: `recipes.common.task.Task`.
        comparison: What `compare` returned.
        flags: Has `int8`.
        folder: `pathlib.Path` of the run.
        seed: Draws the rows that calibrate, and others that compare.
    """
    model = comparison.shipped
    save_model(model, folder / "model.keras")
    export.to_saved_model(model, folder / "saved_model")
    order = np.random.default_rng(seed).permutation(task.target_count)[: 2 * SAMPLES]
    half = len(order) // 2
    converted, inputs_of = task.on_device(model, folder)
    calibration = inputs_of(task.target_inputs(order[:half])) if flags.int8 else None
    samples = inputs_of(task.target_inputs(order[half:]))
    how = {"value_range": task.value_range, "max_drop": task.max_drop}
    exported = litert_files(converted, folder, samples, calibration, **how)
    return {"export": exported[-1], "exports": exported[:-1]}

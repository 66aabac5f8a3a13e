"""Labels are free in simulation, reality has none: digits rendered from fonts to real handwriting, onto the device.

Labelled source: digits drawn from the fonts of matplotlib. Unlabelled target: the 1,797 handwritten digits of the UCI
corpus. Backbone: `saved_models/glyphs`, which has seen letters. Four models are compared, trained with the same steps
and schedule; the last one is exported to SavedModel and LiteRT (float32 and int8) and its files are run and compared,
or the one trained on the source where the guard does not trust the last.

    python recipes/digits.py
    python recipes/digits.py --seeds 3
    python recipes/digits.py --config recipes/configs/mnist_usps.json --data DIR --seeds 3   # mnist.npz, usps.npz

Strength, weight, forward mode and the critic's BatchNorm were chosen without target labels, by
`recipes/benchmarks/digits_selection.py`.
"""

import dataclasses
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from recipes.common import digit_report  # noqa: E402
from recipes.common.digit_tasks import digits_from_files, fonts_to_uci  # noqa: E402
from recipes.common.guarding import SHIPS, guarded, look  # noqa: E402
from recipes.common.harness import flag, run_recipe, save_model  # noqa: E402
from recipes.common.scoring import accuracy, export_all, fingerprint, scores  # noqa: E402
from tlkeras import data, methods, surgery, transfer, validators  # noqa: E402


@dataclasses.dataclass
class Flags:
    """Flags of the recipe."""

    data: str = flag("", "folder with mnist.npz, usps.npz, mnist_m.npz instead of the embedded digits")
    source: str = flag("", "with --data: mnist, usps or mnist_m")
    target: str = flag("", "with --data: mnist, usps or mnist_m")
    images: int = flag(8000, "labelled source images")
    epochs: int = flag(5, "passes over the larger domain")
    batch_size: int = flag(64, "rows of each domain in a step")
    learning_rate: float = flag(1e-3, "rate of Adam at the start, cosine decay to 0")
    bottleneck: int = flag(128, "width of the layer that is aligned")
    strength: float = flag(1.0, "final strength of the reversed gradient (DANN)")
    mcc: float = flag(1.0, "weight of minimum class confusion in the default")
    critic_norm: bool = flag(False, "BatchNorm in the critic")
    forward: str = flag("per_view", "BatchNorm statistics of both domains: joint or per_view")
    ship: str = flag("guarded", f"which model is written, {', '.join(SHIPS)}: the first leaves it to the guard")
    smoke: bool = flag(False, "two steps on tiny data, to see that everything runs")

    def __post_init__(self):
        """Checks the flags that belong together."""
        if bool(self.data) != bool(self.source) or bool(self.data) != bool(self.target):
            raise ValueError(
                "`--data`, `--source` and `--target` go together; without them the embedded digits are used. "
                f"Received: data={self.data!r}, source={self.source!r}, target={self.target!r}"
            )
        if self.ship not in SHIPS:
            raise ValueError(f"`--ship` must be one of {', '.join(SHIPS)}. Received: {self.ship!r}")


def train(task, flags, folder, seed, *, chosen=list, trainable=True, target=None):
    """Returns `(model, history, selection)` of one row; goes on where an interrupted run stopped.

    `chosen` is a function that makes the methods: their weights are drawn after the seed is set, too.
    """
    keras.utils.set_random_seed(seed)
    model = surgery.classifier(task.backbone(trainable), 10, bottleneck=flags.bottleneck)
    adapted = transfer.TransferModel(model, chosen(), forward=flags.forward)
    target = task.target if target is None else target
    rate = keras.optimizers.schedules.CosineDecay(flags.learning_rate, total_steps(task, flags))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    adapted.compile(
        keras.optimizers.Adam(rate), loss, metrics=["accuracy"], jit_compile=False
    )  # XLA is slower on a CPU
    checkpoint = transfer.Checkpoint(folder)
    select = validators.SelectEpoch(target, path=folder / "selected.npz")
    first, logs = checkpoint.restore(adapted), folder.parents[1] / "logs" / folder.name
    adapted.fit(
        data.pair(task.source, target, batch_size=flags.batch_size, seed=seed, num_classes=10,
                  steps=total_steps(task, flags) // flags.epochs, first_epoch=first),
        initial_epoch=first, epochs=flags.epochs, validation_data=task.scored, validation_batch_size=599,
        shuffle=False, verbose=1 if sys.stdout.isatty() else 2,
        callbacks=[select, keras.callbacks.TensorBoard(logs, write_graph=False), checkpoint],
    )  # fmt: skip
    return model, checkpoint.history, select


def total_steps(task, flags):
    """Steps of one row."""
    if flags.smoke:
        return 2 * flags.epochs
    return flags.epochs * (max(len(task.source[0]), len(task.target)) // flags.batch_size)


def dann(task, flags):
    """The adversary: a small critic, its strength rising over the whole training."""
    ramp = transfer.DANNRamp(steps=total_steps(task, flags), high=flags.strength)
    return methods.DANN(strength=ramp, hidden=(128,), batch_norm=flags.critic_norm)


def default(task, flags):
    """What the recipe recommends: the adversary, with minimum class confusion unless its weight is 0."""
    return [dann(task, flags), *([methods.MCC(weight=flags.mcc)] if flags.mcc else [])]


def run(flags, folder, seed):
    """Trains the rows, exports the last, writes the report and returns the metrics."""
    start = time.perf_counter()
    flags = dataclasses.replace(flags, epochs=1, images=500) if flags.smoke else flags
    task = (
        digits_from_files(flags.data, flags.source, flags.target, flags.images)
        if flags.data
        else fonts_to_uci(flags.images, seed)
    )
    plan = {
        **({} if flags.data else {"frozen backbone": {"trainable": False}}),  # with --data nothing is pretrained
        "trained on source": {},
        "DANN": {"chosen": lambda: [dann(task, flags)]},
        "DANN + MCC": {"chosen": lambda: default(task, flags)},
    }
    rows, models, histories, looks = {}, {}, {}, {}
    for name, arguments in plan.items():
        print(f"\n{name} (seed {seed})")
        place = folder / "checkpoints" / name.replace(" ", "_").replace("+", "and")
        models[name], histories[name], select = train(task, flags, place, seed, **arguments)
        rows[name] = scores(models[name], histories[name], select, task.scored)
        if "frozen" not in name:
            looks[name] = look(models[name], task.source, task.target)
    extra = {} if flags.data else {"unseen_half": unseen_half(task, flags, folder, seed)}
    ships, guard = guarded(looks, flags.ship)
    model = models[ships]
    save_model(model, folder / "model.keras")
    files = export_all(model, task.target, folder, seed, min_agreement=0.5 if flags.smoke else 0.98)
    baseline = max(rows[name]["target_accuracy_last"] for name in plan if "DANN" not in name)
    metrics = {
        "recipe": "digits",
        "source": flags.source if flags.data else "rendered fonts",
        "target": flags.target if flags.data else "UCI digits",
        "method": "DANN + MCC",
        "seed": seed,
        "backbone": task.backbone_name,
        "backbone_fingerprint": fingerprint(model),
        "classes": 10,
        "class_names": [str(digit) for digit in range(10)],
        "n_source": len(task.source[0]),
        "n_target": len(task.target),
        "seconds": round(time.perf_counter() - start, 1),
        "source_only": {"target_accuracy": baseline},
        "adapted": rows["DANN + MCC"],
        "ships": ships,
        "guard": guard,
        "rows": rows,
        **extra,
        "export": files[-1],
        "exports": files[:-1],
    }
    digit_report.write(folder / "report.html", task, models, histories, metrics)
    return metrics


def unseen_half(task, flags, folder, seed):
    """Adapts to one half of the target and scores the other, which the default scores do not separate."""
    print(f"\nDANN + MCC on one half of the target (seed {seed})")
    order = np.random.default_rng(seed).permutation(len(task.target))
    half, other = np.array_split(order, 2)
    place = folder / "checkpoints" / "unseen_half"
    model, _, _ = train(task, flags, place, seed, chosen=lambda: default(task, flags), target=task.target[half])
    return {"adapted_rows": len(half), "target_accuracy_last": accuracy(model, *(part[other] for part in task.scored))}


if __name__ == "__main__":
    run_recipe("digits", __doc__.splitlines()[0], Flags, run, digit_report.summarize)

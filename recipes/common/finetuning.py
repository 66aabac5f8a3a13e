"""One fine-tuned classifier: the head on cached features first, then as deep as asked for."""

import dataclasses
import sys

import keras
import numpy as np

from recipes.common.augmented_batches import AugmentedBatches, augmentation
from tlkeras import Stage, TransferModel, cache, fine_tune, methods, surgery
from tlkeras.backbones import blocks, from_handle
from tlkeras.data import class_weights

METHODS = {
    "none": lambda part: [],
    "l2sp": lambda part: [methods.L2SP()],
    "delta": lambda part: [methods.DELTA(taps=_top_layers(part))],
    "bss": lambda part: [methods.BSS()],
    "bituning": lambda part: [methods.BiTuning()],
    "stochnorm": lambda part: [],
    "lora": lambda part: [],
}
LORA_RANK = 8


@dataclasses.dataclass(frozen=True)
class Plan:
    """How to train one row.

    Attributes:
        handle: The backbone.
        input_shape: Shape of one image, or None for that of the backbone.
        depth: Blocks from the top that train, or `"all"`.
        method: One of `METHODS`.
        head_epochs: Epochs of the head alone, may be 0.
        epochs: Epochs at `depth`, after those of the head.
        head_rate: Rate of the head alone.
        rate: Rate at `depth`.
        batch_size: Rows in a batch.
        augment: Augmented copies of each image where features are cached; elsewhere any number > 0 augments anew in
            every epoch.
        train_bn: Whether BatchNorm of the trained blocks uses and moves batch statistics. With few images its averages
            lag behind what is trained, and inference is worse than training says.
        scratch: Whether the backbone starts from random weights: BatchNorm trains then, with averages that follow fast.
        weigh_classes: Whether rare classes count as much as frequent ones.
    """

    handle: str
    input_shape: tuple | None = None
    depth: int | str = 0
    method: str = "none"
    head_epochs: int = 30
    epochs: int = 15
    head_rate: float = 1e-3
    rate: float = 1e-4
    batch_size: int = 32
    augment: int = 0
    train_bn: bool = False
    scratch: bool = False
    weigh_classes: bool = False


def train(plan, images, folder, seed, cache_folder, rows=None):
    """Returns `(model, {phase: history})`; goes on where an interrupted run stopped.

    Rows in one folder share the training of the head, in `head` beside `folder`.

    What lies below the trained blocks runs once, into the cache, wherever the graph can be cut there: a hub SavedModel
    only at its output.

    Args:
        plan: `Plan`.
        images: Labelled `tlkeras.data` images.
        folder: Folder for the state of this row, in one for all that train on the same rows and seed.
        seed: Seed of the weights and of the order.
        cache_folder: Folder of the feature cache.
        rows: Rows of `images` to train on, or None for all. Features are cached of all, for whatever rows come next.
    """
    rows = np.arange(len(images)) if rows is None else rows
    keras.utils.set_random_seed(seed)
    model = surgery.classifier(from_handle(plan.handle, input_shape=plan.input_shape), len(images.class_names))
    if plan.method == "stochnorm":
        model = surgery.stoch_norm(model)
    shallow = dataclasses.replace(plan, depth=0, method="none")
    histories = {}
    if plan.head_epochs:
        histories["head"] = _fit(shallow, model, images, rows, folder.parent / "head", seed, cache_folder)
    if plan.depth != 0:
        histories[f"depth {plan.depth}"] = _fit(plan, model, images, rows, folder, seed, cache_folder)
    return model, histories


def _fit(plan, model, images, rows, folder, seed, cache_folder):
    freeze_bn = True if plan.train_bn or plan.scratch else "all"
    for layer in model.layers if plan.scratch else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # 0.999 in MobileNetV2: made for a hundred thousand steps, not for some hundred
    surgery.unfreeze(model, plan.depth, freeze_bn=freeze_bn)
    part, x, y = _data(plan, model, images, rows, seed, cache_folder)
    if plan.method == "lora":
        surgery.lora(part, LORA_RANK)
    trained = TransferModel(part, METHODS[plan.method](part))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile("adam", loss, metrics=["accuracy"], jit_compile=False)  # XLA is slower for convolutions on a CPU
    at_head = plan.depth == 0
    stage = Stage(
        None if plan.method == "lora" else plan.depth,
        plan.head_epochs if at_head else plan.epochs,
        plan.head_rate if at_head else plan.rate,
        freeze_bn=freeze_bn,
    )
    fit = {} if y is None else {"batch_size": min(plan.batch_size, len(y))}
    if plan.weigh_classes:
        fit["class_weight"] = class_weights(images.labels[rows], len(images.class_names))
    verbose = 1 if sys.stdout.isatty() else 0 if at_head else 2  # the head alone takes a moment
    place = None if plan.method == "lora" else folder  # Keras merges the update when it saves; no epoch can be resumed
    return fine_tune(trained, x, y, stages=[stage], directory=place, seed=seed, verbose=verbose, **fit).history


def _data(plan, model, images, rows, seed, cache_folder):
    """Returns the part of the model that trains, and what it is fed."""
    try:
        frozen, part = surgery.split(model, plan.depth)
    except ValueError:  # nothing below, or a SavedModel, which cannot be cut
        chosen = images.subset(rows)
        if plan.augment:
            return model, lambda first: AugmentedBatches(chosen, plan.batch_size, seed=seed, first_epoch=first), None
        return model, lambda first: chosen.batches(plan.batch_size, seed=seed, first_epoch=first), None
    augment = {"copies": plan.augment, "augment": augmentation()} if plan.augment else {}
    features = cache.features(frozen, images, directory=cache_folder, **augment)
    copies = np.arange(max(1, plan.augment))[:, None] * len(images) + rows
    return part, features[copies.ravel()], np.tile(images.labels[rows], len(copies))


def _top_layers(part):
    """Returns the last layers of the top three blocks; of a SavedModel only its output can be read."""
    names = [block.layers[-1].name for block in blocks(part)[-3:] if not hasattr(block.layers[-1], "unfreeze")]
    return tuple(names) or ("features",)

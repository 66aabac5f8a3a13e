"""One fine-tuned classifier: the head on cached features first, then as deep as asked for."""

import contextlib
import dataclasses
import io
import sys
from pathlib import Path

import keras
import numpy as np

from recipes.common.augmented_batches import AugmentedBatches, augmentation
from recipes.common.plan import LORA_RANK, METHODS
from tlkeras import Stage, TransferModel, cache, fine_tune, surgery
from tlkeras.backbones import from_handle
from tlkeras.data import class_weights


def check(plans, backbone):
    """Does to copies of a backbone what training will, so that what does not fit it fails before anything trains.

    Args:
        plans: `Plan` of each row; those from random weights are passed over.
        backbone: That of the plans; it stays as it is.

    Raises:
        ValueError: If the backbone has fewer blocks than `depth`, or cannot take a method; it names all.
    """
    wrong = {}
    for plan in plans:
        try:
            if not plan.scratch:
                _try(plan, backbone)
        except ValueError as error:
            wrong.setdefault(str(error), []).append(f"{plan.method} at depth {plan.depth}")
    if wrong:
        lines = [f"The backbone does not take {', '.join(names)}: {error}" for error, names in wrong.items()]
        raise ValueError("\n".join(lines))


def _try(plan, backbone):
    with contextlib.redirect_stdout(io.StringIO()):  # what is trained is said when it is
        model = _prepared(plan, keras.models.clone_model(surgery.classifier(backbone, 2)))
        surgery.unfreeze(model, plan.depth, freeze_bn=plan.freeze_bn)
        part = _cut(plan, model)[1]
        _low_rank(plan, part)
        TransferModel(part, METHODS[plan.method](part))


def train(plan, images, folder, name, rows=None):
    """Returns `(model, {phase: history})`; goes on where an interrupted run stopped.

    What lies below the trained blocks runs once, into the cache, wherever the graph can be cut there: a hub SavedModel
    only at its output.

    Args:
        plan: `Plan`.
        images: Labelled `tlkeras.data` images.
        folder: Folder of the run: the state is kept in `checkpoints`, TensorBoard reads `logs`.
        name: Name of the row. Those beside it, as `a/x` and `a/y`, train on the same rows and share the head.
        rows: Rows of `images` to train on, or None for all. Features are cached of all, for whatever rows come next.
    """
    rows = np.arange(len(images)) if rows is None else rows
    keras.utils.set_random_seed(plan.seed)
    model = surgery.classifier(from_handle(plan.handle, input_shape=plan.input_shape), len(images.class_names))
    model = _prepared(plan, model)
    shallow = dataclasses.replace(plan, depth=0, method="none", epochs=plan.head_epochs, rate=plan.head_rate)
    histories = {}
    if plan.head_epochs:
        histories["head"] = _fit(shallow, model, images, folder, Path(name).with_name("head"), rows)
    if plan.depth != 0:
        histories[f"depth {plan.depth}"] = _fit(plan, model, images, folder, name, rows)
    return model, histories


def _prepared(plan, model):
    """Returns the model with the normalisation that the plan asks for."""
    if plan.method == "stochnorm":
        model = surgery.stoch_norm(model)
    for layer in model.layers if plan.norm_follows else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9  # 0.999 in MobileNetV2: made for a hundred thousand steps, not for some hundred
    return model


def _fit(plan, model, images, folder, name, rows):
    surgery.unfreeze(model, plan.depth, freeze_bn=plan.freeze_bn)
    part, x, y = _data(plan, model, images, rows)
    scored = None if plan.scored is None else (_inputs(plan, model, images)[plan.scored], images.labels[plan.scored])
    _low_rank(plan, part)
    trained = TransferModel(part, METHODS[plan.method](part))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile("adam", loss, metrics=["accuracy"], jit_compile=False)  # XLA is slower for convolutions on a CPU
    stage = Stage(None, plan.epochs, plan.rate)  # what trains is settled above, on the whole model
    fit = {"validation_data": scored} | ({} if y is None else {"batch_size": min(plan.batch_size, len(y))})
    if plan.weigh_classes:
        fit["class_weight"] = class_weights(images.labels[rows], len(images.class_names))
    verbose = 1 if sys.stdout.isatty() else 0 if plan.depth == 0 else 2  # the head alone takes a moment
    return fine_tune(
        trained, x, y, stages=[stage], seed=plan.seed, verbose=verbose, **fit,
        directory=None if plan.method == "lora" else folder / "checkpoints" / name,  # Keras merges it
        callbacks=[keras.callbacks.TensorBoard(folder / "logs" / name, write_graph=False), *plan.callbacks],
    ).history  # fmt: skip


def _low_rank(plan, part):
    if plan.method == "lora":
        surgery.lora(part, LORA_RANK)


def _cut(plan, model):
    """Returns what runs once, or None, and the part of the model that trains."""
    try:
        return surgery.split(model, plan.depth)
    except ValueError:  # nothing below, or a SavedModel, which cannot be cut
        return None, model


def _inputs(plan, model, images):
    """Returns what the part that trains is fed, of images as they are."""
    frozen, _ = _cut(plan, model)
    return images if frozen is None else cache.features(frozen, images, directory=plan.cache)


def _data(plan, model, images, rows):
    """Returns the part of the model that trains, and what it is fed."""
    frozen, part = _cut(plan, model)
    if frozen is None:
        chosen, order = images.subset(rows), {"seed": plan.seed}
        if plan.augment:
            return part, lambda first: AugmentedBatches(chosen, plan.batch_size, first_epoch=first, **order), None
        return part, lambda first: chosen.batches(plan.batch_size, first_epoch=first, **order), None
    augment = {"copies": plan.augment, "augment": augmentation()} if plan.augment else {}
    features = cache.features(frozen, images, directory=plan.cache, **augment)
    copies = np.arange(max(1, plan.augment))[:, None] * len(images) + rows
    return part, features[copies.ravel()], np.tile(images.labels[rows], len(copies))

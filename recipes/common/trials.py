"""The trials of a search: models that are trained and scored, with nothing exported and nothing kept."""

import dataclasses
import math

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from recipes.common import costs
from recipes.common.adaptation import by_domain, compiled, cut, head
from recipes.common.domains import check_batches, load_domains
from recipes.common.folders import open_backbone
from tlkeras import cache, data, surgery, validators
from tlkeras.backbones import from_handle
from tlkeras.data import stratified_split
from tlkeras.tuning import StopTrial

HEAD = ("bottleneck_dense", "bottleneck_norm", "logits")
HELD_OUT = 0.2  # of the source, where the objective needs rows that were not trained on
UNDECIDED = 0.25  # of the epochs, in which few predicted classes may as well be a head that has not learnt yet
SETTLED = 200  # steps after which the moving averages of BatchNorm are those of the training: 0.99 ** 200 is 0.13


class AdaptTrials:
    """Trains models of `recipes/adapt_images.py`, one call after another, on images that are read once.

    Args:
        flags: Its flags; those that say which images and which backbone hold for all trials.
        folder: `pathlib.Path` of the search; features are kept in its `cache`, unless a flag names another folder.
        objective: Name of the validator that scores.
        against: Name of a cost, `"bytes"` or `"latency"`, that each trial is to return; empty for none.

    Raises:
        ValueError: If the images or the backbone do not fit, or a class of the source is too small to be held out of.
    """

    def __init__(self, flags, folder, objective, against=""):
        self.objective, self.against, self.costs = objective, against, {}
        self.folder = flags.cache or folder / "cache"
        backbone = open_backbone(flags)
        self.shape = backbone.input_shape[1:]
        self.domains = load_domains(flags, self.shape)
        check_batches(1, self.domains)
        labels = self.domains.source.labels
        self.trained, self.held = np.arange(len(labels)), None
        if any(name.startswith("source") for name in validators.needs(objective)):
            names = self.domains.source.class_names
            self.trained, self.held = stratified_split(labels, (1 - HELD_OUT, HELD_OUT), class_names=names)
        self.features = {}
        self.inputs_of(0, cut(head(backbone, 2, 1), 0)[0])

    def __call__(self, flags, seed, report=None):
        """Trains one model.

        Args:
            flags: The flags of this trial.
            seed: Seed of its weights and of its order.
            report: Function of `(epoch, score)` that is told every epoch, and may raise `TrialStopped`; or None.

        Returns:
            `{"score", "epoch"}`, the cost where it is asked for, and where there are labelled images of the target
            `target_accuracy_last`, `_selected` (at that epoch) and `_oracle` (the best, by peeking).

        Raises:
            tlkeras.tuning.TrialStopped: If it diverges, collapses, or `report` raises it.
            ValueError: If the flags do not fit the images or the backbone.
        """
        if flags.smoke:
            flags = dataclasses.replace(flags, steps=2, epochs=1)
        names = flags.method.split(",")
        way, depth = flags.way(names), flags.blocks
        check_batches(way.batch_size, self.domains)
        keras.utils.set_random_seed(seed)
        part, (source, target, test) = self.part(flags, way, depth)
        labels, steps = self.domains.source.labels, flags.steps // flags.epochs
        model = by_domain(part, way)
        held = None if self.held is None else (source[self.held], labels[self.held])
        select = validators.SelectEpoch(target, held, validator=self.objective)
        undecided = max(UNDECIDED * flags.epochs, SETTLED / steps)
        stop = StopTrial(select, patience=min(flags.epochs - 1, math.ceil(undecided)), report=report)
        source = source if self.held is None else source[self.trained]
        batches = data.pair(
            (source, labels[self.trained]), target, batch_size=way.batch_size, seed=seed, steps=steps,
            num_classes=part.output_shape[-1], value_range=None,
        )  # fmt: skip
        trained = compiled(model, way, backbone_rate=0.1, steps_per_execution=steps)
        with threadpool_limits(1):  # of the scores: beside other work the threads of NumPy take many times as long
            history = trained.fit(
                batches, epochs=flags.epochs, shuffle=False, verbose=0, callbacks=[select, stop],
                validation_data=None if test is None else (test, self.domains.test.labels), validation_batch_size=512,
            ).history  # fmt: skip
        paid = {}
        if self.against:
            paid[self.against] = self.cost(flags, way, model if model is part else surgery.strip_domains(model))
        return {"score": select.best_score, "epoch": select.best_epoch + 1, **paid, **_accuracies(history, select)}

    def part(self, flags, way, depth):
        """Returns what trains, and the inputs of it: source, target, test or None."""
        classes = len(self.domains.source.class_names)
        if depth == 0:  # the backbone has run: its features are all that a head needs
            inputs = keras.Input(self.features[0][0].shape[1:], name="features")
            return head(keras.Model(inputs, inputs), classes, way.bottleneck, flags.dropout), self.features[0]
        model = self.whole(flags, way)
        surgery.unfreeze(model, depth, freeze_bn="all")
        frozen, part = cut(model, depth)
        return part, self.inputs_of(depth, frozen)

    def whole(self, flags, way):
        """Returns a new model on images, backbone and head: what would ship."""
        backbone = from_handle(flags.backbone, input_shape=self.shape if flags.image_size else None)
        return head(backbone, len(self.domains.source.class_names), way.bottleneck, flags.dropout)

    def cost(self, flags, way, trained):
        """Returns what the model costs on a device: of what is searched only the bottleneck tells, so once for each."""
        if way.bottleneck not in self.costs:
            whole = self.whole(flags, way)
            for name in HEAD:  # a bias that is still zero is left out of the file
                whole.get_layer(name).set_weights(trained.get_layer(name).get_weights())
            self.costs[way.bottleneck] = costs.cost(whole, self.against)
        return self.costs[way.bottleneck]

    def inputs_of(self, depth, frozen):
        """Returns the inputs of what is above the cut, which is run over the images once."""
        if depth not in self.features:
            self.features[depth] = tuple(
                None if images is None else images.images() if frozen is None
                else cache.features(frozen, images, directory=self.folder)
                for images in self.domains
            )  # fmt: skip
        return self.features[depth]


def _accuracies(history, select):
    if "val_accuracy" not in history:
        return {}
    found = history["val_accuracy"]
    last, selected = found[-1], found[select.best_epoch]
    return {
        "target_accuracy_last": last,
        "target_accuracy_selected": selected,
        "target_accuracy_oracle": max(found),
    }

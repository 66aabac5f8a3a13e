"""One classifier, trained on a labelled source and an unlabelled target, with BatchNorm of each domain's own.

Where there is BatchNorm to train, source and target are normalised by statistics of their own, and the trained
model keeps the target's.
"""

import dataclasses
import sys
from pathlib import Path

import keras

from recipes.common.held_out import held_out
from recipes.common.problems import CLASSIFICATION
from tlkeras import data, optimizers, surgery, transfer, validators
from tlkeras.backbones import blocks

MOMENTUM = 0.9


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long a run trains, and what it is called.

    Attributes:
        steps: Training steps, a multiple of `epochs`.
        epochs: How often the target is scored, without its labels.
        seed: Seed of the order.
        folder: Where the state of the run is kept.
        backbone_rate: Rate of the blocks that train, as a part of the head's.
    """

    steps: int
    epochs: int
    seed: int
    folder: Path
    backbone_rate: float = 0.1


def adapt(part, way, source, target, budget, scored=None, *, problem=CLASSIFICATION):
    """Trains a model on both domains and returns `(history, selection)`; goes on where an interrupted run stopped.

    Args:
        part: What trains and ends in `logits`: a classifier, or the rest of one whose frozen part has run. Set the seed
            before it is made; the methods draw their weights after it.
        way: `recipes.common.ways.Way`; without terms the target is not looked at.
        source: Inputs of the model and labels.
        target: Inputs of the model; a sample of at most 2000 is scored after each epoch.
        budget: `Budget`.
        scored: `(inputs, labels)` of the target for the figure of each epoch, or None.
        problem: `recipes.common.problems.Problem`.
    """
    steps, trained = budget.steps // budget.epochs, by_domain(part, way)
    adapted = compiled(
        trained, way, backbone_rate=budget.backbone_rate, steps_per_execution=steps, problem=problem
    )  # fmt: skip
    checkpoint = transfer.Checkpoint(budget.folder)
    prior, (source, held) = problem.prior(source[1]), held_out(source, problem)
    select = validators.SelectEpoch(
        target, held, validator=problem.validator, prior=prior, path=budget.folder / "selected.npz"
    )  # fmt: skip
    first = checkpoint.restore(adapted)
    if first < budget.epochs:
        order = {"seed": budget.seed, "steps": steps, "first_epoch": first}
        order["num_classes"] = part.output_shape[-1] if problem.classes else None
        order["value_range"] = None  # images come from files as 0-255, and features at a cut may look like images
        adapted.fit(
            data.pair(source, target, batch_size=way.batch_size, **order), initial_epoch=first, epochs=budget.epochs,
            validation_data=scored, validation_batch_size=512, shuffle=False, callbacks=[select, checkpoint],
            verbose=1 if sys.stdout.isatty() else 2,
        )  # fmt: skip
    if trained is not part:
        last = of_target(trained, trained.get_weights())
        select.best_weights = of_target(trained, select.best_weights)
        part.set_weights(last)
    return checkpoint.history, select


def by_domain(part, way):
    """Returns a copy of the part with BatchNorm for each domain, or the part where that is not wanted or not there."""
    if way.terms is list or not way.domain_norms:  # without terms the target is not looked at
        return part
    try:
        return surgery.domain_norms(part, shared_affine=True)
    except ValueError:  # no BatchNorm, or inside a SavedModel, where it cannot be reached
        return part


def of_target(trained, weights):
    """Returns the weights of the plain model that has the target's BatchNorm, from those of the two domains' model."""
    trained.set_weights(weights)
    return surgery.strip_domains(trained).get_weights()


def compiled(part, way, *, backbone_rate, steps_per_execution, loss=None, problem=CLASSIFICATION):
    """Returns the model that trains: with XLA and many steps a call where no convolution trains.

    XLA is slow for convolutions on a CPU.

    Args:
        part: As in `adapt`.
        way: As in `adapt`.
        backbone_rate: As in `Budget`.
        steps_per_execution: Steps in one call.
        loss: Of the source's labels and outputs; by default that of the problem.
        problem: `recipes.common.problems.Problem`.
    """
    terms = way.terms()
    kind = transfer.PhasedModel if any(term.phases() for term in terms) else transfer.TransferModel
    adapted = kind(part, terms)
    on_features = len(part.input_shape) == 2 and not blocks(part)
    adapted.compile(
        _optimizer(way, adapted, backbone_rate), loss or problem.loss(), metrics=problem.metrics(),
        jit_compile=on_features, steps_per_execution=steps_per_execution if on_features else 1,
    )  # fmt: skip
    return adapted


def head(backbone, num_classes, bottleneck, dropout=0.0):
    """Returns a classifier whose head starts as PyTorch's layers do: undecided, as the settings of the ways expect.

    Glorot's larger weights cost MCC ten points from photographs to cartoons.

    Args:
        backbone: Functional model whose output is `(batch, features)`.
        num_classes: Number of logits.
        bottleneck: Width of the bottleneck.
        dropout: Rate of the dropout before the logits.
    """
    small = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return surgery.classifier(
        backbone, num_classes, bottleneck=bottleneck, dropout=dropout, kernel_initializer=small
    )


def cut(model, depth):
    """Returns what runs once, or None, and the part of the model that trains.

    Args:
        model: Classifier on a backbone.
        depth: Blocks of the backbone that train.
    """
    try:
        return surgery.split(model, depth)
    except ValueError:  # nothing below, or a SavedModel, which can be cut at its output only
        return None, model


def _optimizer(way, adapted, backbone_rate):
    optimizer, model = way.optimizer() if way.optimizer else _sgd(way), adapted.model
    multiples = {}
    if backbone_rate != 1 and blocks(model):
        multiples = optimizers.groups(model, optimizer, backbone=backbone_rate).multiples
    if way.critic_rate != 1:
        own = [variable for method in adapted.methods for variable in method.trainable_variables]
        multiples |= {variable.path: way.critic_rate for variable in own}
    return optimizers.GroupedOptimizer(optimizer, multiples) if multiples else optimizer


def _sgd(way):
    """Returns SGD as tllib uses it: Nesterov momentum and a rate that falls.

    Keras takes the weight decay out of the weights, PyTorch into the momentum, where it counts ten times.
    """
    rate = optimizers.InverseDecay(way.rate, way.gamma)
    decay = way.weight_decay / (1 - MOMENTUM) or None
    return keras.optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=decay)

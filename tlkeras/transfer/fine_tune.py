"""Fine-tuning in stages: the head first, then deeper."""

import contextlib
import dataclasses
import io

import keras

from tlkeras.backbones import blocks
from tlkeras.optimizers.groups import groups
from tlkeras.surgery.freeze import unfreeze
from tlkeras.transfer.feed import Feed
from tlkeras.transfer.stage_folder import StageFolder
from tlkeras.transfer.stages import Stage
from tlkeras.transfer.transfer_model import TransferModel

_OWN = {"epochs", "initial_epoch", "validation_split"}


@dataclasses.dataclass(frozen=True)
class StagedHistory:
    """What `fine_tune` logged.

    Attributes:
        history: `{name: [value of each epoch]}` over all stages, as `fit(...).history`.
        starts: Epoch at which each stage began.
        stages: The stages.
    """

    history: dict
    starts: list
    stages: list

    @property
    def epoch(self) -> list:
        """The epochs, as `fit(...).epoch`."""
        return list(range(len(self.history["loss"])))


def fine_tune(model, x, y=None, *, stages, optimizer=None, directory=None, seed=0, **fit):
    """Trains a model stage by stage: unfreezes to the stage's depth, compiles with a new optimizer, and fits.

    The model is compiled once before, with the loss, the metrics and whatever else `compile` takes; its optimizer is
    replaced. Epochs are counted through all stages, for callbacks and logs too.

    With `directory`, every epoch is written there, and the same call after a kill goes on where its last epoch ended.
    For arrays the result is then the one of an undisturbed run, to the bit where training itself repeats to the bit:
    their order is a function of `(seed, epoch)`, and weights, optimizer, random layers and history are restored. For a
    data set that holds if its order does not depend on the epochs before, or if `x` is a function of the first epoch,
    such as `lambda first: tlkeras.data.pair(source, target, first_epoch=first)`. What callbacks hold is not restored.

    Args:
        model: Compiled functional model on a backbone (`tlkeras.surgery.classifier`), or a `TransferModel` of one.
        x: Arrays, any data set that `fit` takes, or a function from the first epoch to a data set.
        y: Labels, where `x` is arrays.
        stages: List of `Stage`, see also `gradual_stages`.
        optimizer: Function from model and stage to a new optimizer. By default Adam at the rate of the stage, with
            `tlkeras.optimizers.groups` where the stage has factors.
        directory: Folder of this run alone, or None.
        seed: Integer for the order of arrays.
        **fit: Arguments of `fit`, such as `batch_size`, `validation_data`, `callbacks`, `class_weight` or `verbose`.

    Returns:
        `StagedHistory`.

    Raises:
        ValueError: Before anything trains, if the model was never compiled, there are no stages, a depth exceeds the
            blocks, an argument of `fit` cannot be used, or `directory` holds a run with other stages.

    Example:
        >>> model = tlkeras.surgery.classifier(tlkeras.backbones.from_hub("saved_models/glyphs"), 10)
        >>> model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> x, y = np.random.default_rng(0).uniform(0, 255, (8, *model.input.shape[1:])), np.arange(8)
        >>> stages = [Stage(depth=0, epochs=1, learning_rate=1e-3), Stage(depth=1, epochs=2, learning_rate=1e-4)]
        >>> result = fine_tune(model, x, y, stages=stages, verbose=0)
        >>> result.starts, len(result.history["loss"])
        ([0, 1], 3)
    """
    inner = model.model if isinstance(model, TransferModel) else model
    settings = _settings(model)
    _check(inner, stages, fit)
    feed = Feed(x, y, seed, fit)
    folder = StageFolder(directory, [stage.get_config() for stage in stages])
    for index, stage in enumerate(stages):
        if index < folder.holder:
            continue
        line = _unfrozen(inner, stage)
        model.compile(optimizer=(optimizer or _adam)(model, stage), **settings)
        folder.restore(model, index)
        first, last = folder.epochs, folder.starts[index] + stage.epochs
        if first < last and not folder.ended(index):
            if feed.verbose:
                print(f"stage {index + 1} of {len(stages)}, epochs {first + 1} to {last}: {line}, {_rate_of(stage)}")
            data, arguments = feed.from_epoch(first, folder.callbacks)
            folder.add(model.fit(data, initial_epoch=first, epochs=last, **arguments))
        folder.end(index)
    return StagedHistory(folder.history, folder.starts[: len(stages)], list(stages))


def _adam(model, stage):
    adam = keras.optimizers.Adam(stage.learning_rate)
    if stage.backbone == stage.decay == 1.0:
        return adam
    return groups(model, adam, backbone=stage.backbone, decay=stage.decay)


def _unfrozen(inner, stage) -> str:
    if stage.depth is None:
        return "training moves what is trainable"
    inner.compiled = False  # it is compiled at once, and need not be asked for
    with contextlib.redirect_stdout(io.StringIO()) as said:
        unfreeze(inner, stage.depth, freeze_bn=stage.freeze_bn)
    return said.getvalue().strip()


def _rate_of(stage) -> str:
    rate = type(stage.learning_rate).__name__ if callable(stage.learning_rate) else f"{stage.learning_rate:g}"
    factors = [f"{name} {getattr(stage, name):.3g}" for name in ("backbone", "decay") if getattr(stage, name) != 1.0]
    return f"rate {' x '.join([rate, *factors])}"


def _settings(model) -> dict:
    # Keras has no public way to the objects that `compile` got; `get_compile_config` cannot hold a local function.
    settings = getattr(model, "_compile_config", None)
    if settings is None:
        raise ValueError(
            "`model` must be compiled once, with its loss and metrics; `fine_tune` replaces the optimizer. "
            f"Received: model={model.name}"
        )
    return {name: value for name, value in settings.config.items() if name != "optimizer"}


def _check(inner, stages, fit):
    if not isinstance(stages, list | tuple) or not stages or not all(isinstance(stage, Stage) for stage in stages):
        raise ValueError(f"`stages` must be a list of at least one `Stage`. Received: stages={stages!r}")
    if len({stage.depth is None for stage in stages}) > 1:
        raise ValueError(
            "`depth` must be None in every stage or in none: a run that is taken up again does not repeat the stages "
            f"that are done. Received: depths {[stage.depth for stage in stages]}"
        )
    count = len(blocks(inner))
    for stage in stages:
        if stage.depth not in ("all", None) and stage.depth > count:
            raise ValueError(f"`depth` must not exceed the {count} blocks of the backbone. Received: {stage}")
    if _OWN & set(fit):
        raise ValueError(
            "`fine_tune` counts the epochs itself and takes `validation_data` in place of a split. "
            f"Received: {sorted(_OWN & set(fit))}"
        )

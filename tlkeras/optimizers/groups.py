"""Discriminative learning rates: the closer to the input, the slower."""

import keras

from tlkeras.backbones.blocks import blocks
from tlkeras.optimizers.grouped_optimizer import GroupedOptimizer


def groups(model, optimizer="adam", *, backbone=1.0, decay=1.0):
    """Makes an optimizer that trains the head at its rate and each block of the backbone at a smaller one.

    The rate of block `i`, counted from the top with the top block 1, is `rate * backbone * decay**i`. So `backbone=0.1`
    is a tenth for the whole backbone, `decay=0.65` layer-wise decay, and `decay=1 / 2.6` the rule of ULMFiT. Whatever
    is in no block has the full rate: the head, and the weights of a method's own layers. Variables are chosen by their
    paths, frozen ones too, so that the optimizer does not depend on whether `unfreeze` came before; `compile` does.

    Args:
        model: Functional `keras.Model` on a backbone, or a `TransferModel` of one.
        optimizer: Name of a Keras optimizer or an instance, which is copied: its learning rate, a number or a schedule,
            is the head's. See `GroupedOptimizer` for callbacks, weight decay and clipping.
        backbone: Factor on the rate of all blocks, > 0.
        decay: Factor from each block to the one below it, > 0.

    Returns:
        `GroupedOptimizer`.

    Raises:
        ValueError: If a factor is not positive, the model has no blocks, two variables of one path would train at
            different rates, or the optimizer cannot be copied.

    Example:
        >>> backbone = tlkeras.backbones.from_hub("saved_models/glyphs", trainable=True)
        >>> model = tlkeras.surgery.classifier(backbone, 10)
        >>> optimizer = groups(model, keras.optimizers.SGD(1.0), backbone=0.5, decay=0.5)
        >>> list(optimizer.rates.values())
        [1.0, 0.03125, 0.0625, 0.125, 0.25]

    Reference:
        Howard, Ruder: Universal Language Model Fine-tuning for Text Classification, 2018,
        https://arxiv.org/abs/1801.06146
    """
    for name, factor in (("backbone", backbone), ("decay", decay)):
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < float("inf"):
            raise ValueError(
                f"`{name}` must be a number > 0; freeze with `tlkeras.surgery.unfreeze`. Received: {name}={factor!r}"
            )
    found = blocks(getattr(model, "model", model))  # a TransferModel holds the inference model
    if not found:
        raise ValueError(f"`model` must have a backbone with weights. Received: model={model.name}")
    multiple_of = {}
    for height, block in enumerate(reversed(found), start=1):
        multiple_of.update({id(variable): backbone * decay**height for variable in block.variables})
    return GroupedOptimizer(keras.optimizers.get(optimizer), _by_path(model.variables, multiple_of))


def _by_path(variables, multiple_of) -> dict:
    """Returns `{path: multiple}` of the variables in `multiple_of`, which must be told apart by their paths."""
    multiples = {}
    for variable in variables:
        if id(variable) not in multiple_of and not variable.trainable:
            continue  # a teacher, whose paths may be those of the model: it never trains
        multiple = multiple_of.get(id(variable), 1.0)
        if multiples.setdefault(variable.path, multiple) != multiple:
            raise ValueError(
                "The variables of a model must differ in path to train at different rates: name its layers "
                f"differently. Received: two variables {variable.path!r}"
            )
    return {path: multiple for path, multiple in multiples.items() if multiple != 1.0}

"""How much of a pretrained model training may move."""

import math

import keras

from tlkeras.backbones import blocks, head_variables
from tlkeras.backbones.blocks import head_layers


def unfreeze(model, depth, *, freeze_bn=True) -> float:
    """Lets training move the head and the top `depth` blocks of the backbone, and freezes the rest.

    Blocks are those of `tlkeras.backbones.blocks`, whatever the origin of the backbone. A frozen BatchNormalization
    uses and keeps its averages. With few images, freeze it in all blocks: averages move slowly (by a thousandth a step
    in MobileNetV2), so that what was trained on batch statistics is not what inference runs. A hub SavedModel runs as
    a whole in one mode; see `tlkeras.layers.HubLayer.unfreeze`. Where one layer is a whole block (KerasHub), Keras does
    not save whether the BatchNormalization inside it is frozen: call this again after loading.

    The trainable share is printed. A model that was compiled must be compiled anew, with a new optimizer, and says so
    in `fit`.

    Args:
        model: Functional `keras.Model`: a backbone, or a model built on one (`tlkeras.surgery.classifier`); the model
            in a `TransferModel` before that is made or compiled.
        depth: Number of blocks from the top in 0..number of blocks, or `"all"`; 0 trains the head only.
        freeze_bn: True freezes BatchNormalization below the line, with its block; `"all"` in every block; False in
            none.

    Returns:
        Share of the weights that training moves, in [0, 1].

    Raises:
        ValueError: If the model has fewer blocks than `depth`, is not functional, or is a `TransferModel`.

    Example:
        >>> backbone = tlkeras.backbones.from_hub("saved_models/glyphs")
        >>> model = tlkeras.surgery.classifier(backbone, 10)
        >>> share = unfreeze(model, 1)
        training moves 1 of 4 blocks (strokes) and the head: 67,082 of 160,682 weights, 41.7%
    """
    if freeze_bn not in (True, False, "all"):
        raise ValueError(f'`freeze_bn` must be True, False or "all". Received: freeze_bn={freeze_bn!r}')
    found = blocks(model)
    top = _top(found, depth)
    if not model.trainable:
        model.trainable = True  # the flag of the model itself; that of each layer follows
    for layer in head_layers(model):
        if getattr(layer, "weights", ()):
            layer.trainable = True  # in a clone of a frozen model it is not
    moved, of_all = ([id(layer) for block in part for layer in block.layers] for part in (top, found))
    for layer in {id(layer): layer for block in found for layer in block.layers}.values():
        own = moved.count(id(layer))
        if hasattr(layer, "unfreeze"):
            layer.unfreeze("all" if own == of_all.count(id(layer)) else own, freeze_bn=freeze_bn)
            continue
        layer.trainable = own > 0
        for part in layer._flatten_layers():  # in KerasHub a layer may be a whole block
            if isinstance(part, keras.layers.BatchNormalization) and freeze_bn is not True:
                part.trainable = not freeze_bn
    if getattr(model, "compiled", False):
        model.compiled = False  # `fit` then asks for `compile`; Keras itself would go on with what was compiled
        print("compile the model again, with a new optimizer")
    return _report(model, found, top)


def _top(found, depth) -> list:
    count = len(found) if depth == "all" else depth
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= len(found):
        names = [block.name for block in found]
        raise ValueError(
            f'`depth` must be "all" or a number in 0..{len(found)}, counted from the top of {names}. '
            f"Received: depth={depth!r}"
        )
    return found[len(found) - count :]


def _report(model, found, top) -> float:
    moved, total = (
        sum(math.prod(variable.shape) for variable in variables)
        for variables in (model.trainable_weights, model.weights)
    )
    share = moved / max(1, total)
    names = f" ({', '.join(block.name for block in top)})" if 0 < len(top) < len(found) else ""
    head = " and the head" if head_variables(model) else ""
    print(f"training moves {len(top)} of {len(found)} blocks{names}{head}: {moved:,} of {total:,} weights, {share:.1%}")
    return share

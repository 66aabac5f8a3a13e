"""Low-rank adaptation of a backbone through Keras' own `enable_lora`."""

import math
from collections import Counter

import keras

from tlkeras.backbones.graph import backbone_nodes
from tlkeras.layers.hub_layer import HubLayer


def lora(model, rank, *, layers=None) -> float:
    """Lets training move the head and low-rank updates of the backbone's kernels, and freezes the rest.

    `kernel + A B` with `A` random and `B` zero at the start, `rank` columns and rows, on every Dense, EinsumDense,
    Embedding and convolution of the backbone, those inside attention layers too. Other weighted layers, such as
    depthwise convolutions and BatchNormalization, are frozen and named in what is printed. Compile the model
    afterwards, and change no `trainable` flag: Keras would move the kernels again.

    Keras adds `A B` to the kernel when it saves, so a file gives the same answers, and its layers have `A = B = 0`,
    which no gradient leaves. Call `lora` with the same rank again after `load_model` or `load_weights`: it draws `A`
    anew and freezes what is to be frozen. The answers stay the same.

    Args:
        model: Functional `keras.Model`: a backbone, or a model built on one (`tlkeras.surgery.classifier`). It is
            changed in place.
        rank: Rank of the updates, an integer >= 1.
        layers: Names of the layers of the backbone to adapt, or None for all that can be.

    Returns:
        Share of the weights that training moves, in [0, 1].

    Raises:
        ValueError: If `rank` is not an integer >= 1, a name in `layers` is no layer of the backbone or has no
            low-rank update, the backbone holds a `HubLayer`, or no layer can be adapted.

    Example:
        >>> inputs = keras.Input((64,))
        >>> features = keras.layers.Dense(32, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(features))
        >>> share = lora(model, 2)
        LoRA of rank 2 on 1 layer; training moves 258 of 2,338 weights, 11.0%

    Reference:
        Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang, Chen: LoRA: Low-Rank Adaptation of Large Language Models, 2021,
        https://arxiv.org/abs/2106.09685
    """
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ValueError(f"`rank` must be an integer >= 1. Received: rank={rank!r}")
    backbone = _weighted(model)
    adapted = [part for layer in _chosen(backbone, layers) for part in _adaptable(layer)]
    if not adapted:
        raise ValueError(
            "`model` must have a Dense, EinsumDense, Embedding or convolution in its backbone. "
            f"Received: layers {sorted({type(layer).__name__ for layer in backbone})}"
        )
    _check_ranks(adapted, rank)
    if not model.trainable:
        model.trainable = True  # the flag of the model itself; that of each layer follows
    for layer in backbone:
        parts = _adaptable(layer) if layers is None or layer.name in layers else []
        layer.trainable = bool(parts)
        for inner in layer._flatten_layers(include_self=False):
            inner.trainable = bool(parts and _adaptable(inner))
        for variable in layer.weights:
            variable.trainable = False
        for part in parts:
            _adapt(part, rank)
    if getattr(model, "compiled", False):
        model.compiled = False  # `fit` then asks for `compile`; Keras itself would go on with what was compiled
    return _report(model, rank, adapted, backbone)


def _weighted(model) -> list:
    found = {id(node.operation): node.operation for node in backbone_nodes(model)}
    hub = [layer.name for layer in found.values() if isinstance(layer, HubLayer)]
    if hub:
        raise ValueError(
            "`model` must be made of Keras layers: a HubLayer runs a SavedModel, whose kernels take no such update. "
            f"Received: HubLayer {hub}"
        )
    return [layer for layer in found.values() if getattr(layer, "weights", None)]


def _chosen(backbone, names) -> list:
    if names is None:
        return backbone
    able = {layer.name: layer for layer in backbone if _adaptable(layer)}
    wrong = sorted(set(names) - set(able)) if not isinstance(names, str) else [names]
    if wrong:
        raise ValueError(
            f"`layers` must be names of layers of the backbone that take a low-rank update, some of {sorted(able)}. "
            f"Received: {wrong}"
        )
    return [able[name] for name in names]


def _adaptable(layer) -> list:
    # A composite layer, such as attention, has no public list of the layers in it.
    return [part for part in layer._flatten_layers() if hasattr(part, "enable_lora")]


def _check_ranks(adapted, rank):
    other = sorted({part.lora_rank for part in adapted if part.lora_enabled} - {rank})
    if other:
        raise ValueError(f"`rank` must be that of the update the model already has. Received: {rank}, it has {other}")


def _adapt(part, rank):
    if not part.lora_enabled:
        part.enable_lora(rank)
    name = "embeddings" if hasattr(part, "lora_embeddings_a") else "kernel"
    down, up = getattr(part, f"lora_{name}_a"), getattr(part, f"lora_{name}_b")
    for variable in part.weights:
        variable.trainable = variable is down or variable is up
    if not down.numpy().any() and not up.numpy().any():
        down.assign(keras.initializers.HeUniform()(down.shape, dtype=down.dtype))


def _report(model, rank, adapted, backbone) -> float:
    skipped = Counter(type(layer).__name__ for layer in backbone if not _adaptable(layer))
    moved, total = (
        sum(math.prod(variable.shape) for variable in variables)
        for variables in (model.trainable_weights, model.weights)
    )
    frozen = ", ".join(f"{count} {name}" for name, count in sorted(skipped.items()))
    plural = "layer" if len(adapted) == 1 else "layers"
    print(
        f"LoRA of rank {rank} on {len(adapted)} {plural}; {f'frozen without: {frozen}; ' if frozen else ''}"
        f"training moves {moved:,} of {total:,} weights, {moved / total:.1%}"
    )
    return moved / total

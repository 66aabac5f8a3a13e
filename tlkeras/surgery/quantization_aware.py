"""A model that trains with the rounding of an int8 file."""

import keras

from tlkeras.backbones.graph import nodes_of
from tlkeras.data.checks import checked_rows
from tlkeras.layers.fake_quant import FakeQuant
from tlkeras.surgery.int8_graph import Int8Graph
from tlkeras.surgery.int8_rules import why_not

BATCH = 32  # samples at a time


def quantization_aware(model, samples, *, per_channel=True, value_range=(0, 255), momentum=0.99) -> keras.Model:
    """Puts the rounding of an int8 file into a model, so that training makes up for it.

    Kernels are rounded to int8, symmetric, with a step for each channel or one a tensor; activations to 256 values of a
    range that is asymmetric and follows the batches in training (`tlkeras.layers.FakeQuant`). Gradients pass through
    the rounding. BatchNormalization is folded into the layer before it, with its averages. Where there is none to fold
    it into, it becomes a depthwise convolution of size 1, and so do Rescaling and Normalization, which are not trained.

    Train the model with `fit`, alone or in a `tlkeras.TransferModel`, at a small rate, and export it with
    `tlkeras.export.to_litert(model, path, quantize="int8")`: the file has these ranges and these integers. Before
    training, that is post-training quantisation. Layers keep their names: a tap reads what comes before the rounding.

    Deviation from the paper: BatchNormalization is folded once, not in every step with the statistics of the batch, and
    ranges hold from the first step on.

    Args:
        model: Functional `keras.Model` with one input, flat, of the layers in `tlkeras/surgery/int8_rules.py`: Dense,
            Conv2D, DepthwiseConv2D, BatchNormalization, ReLU and others, Add, Concatenate, pooling. It is not changed.
        samples: Array `(n, *input_shape)`, inputs that set the first ranges; about 100 do.
        per_channel: False gives each kernel one step, which some accelerators need. LiteRT's own way is True.
        value_range: Lowest and highest value of the input, or None where the samples tell.
        momentum: Of the ranges in training, in [0, 1).

    Returns:
        A new `keras.Model` with weights of its own.

    Raises:
        ValueError: If a layer has no 8-bit form here, by name (a `HubLayer` runs a SavedModel and has none), the model
            is not functional, has several inputs or outputs or one that is not float32, or the samples do not fit.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
        >>> images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1))
        >>> aware = quantization_aware(model, images)
        >>> [type(layer).__name__ for layer in aware.layers]
        ['InputLayer', 'FakeQuant', 'Flatten', 'FakeQuantDense', 'FakeQuant']

    Reference:
        Jacob, Kligys, Chen, Zhu, Tang, Howard, Adam, Kalenichenko: Quantization and Training of Neural Networks for
        Efficient Integer-Arithmetic-Only Inference, 2018, https://arxiv.org/abs/1712.05877
    """
    _check_model(model)
    value_range = None if value_range is None else tuple(value_range)
    samples = checked_rows(samples, model.inputs[0], value_range, "samples")
    aware = Int8Graph(model, value_range, per_channel=per_channel, momentum=momentum).build()
    _observe(aware, samples)
    return aware


def _check_model(model):
    nodes = nodes_of(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            "`model` must have one input and one output. "
            f"Received: {len(model.inputs)} inputs, {len(model.outputs)} outputs"
        )
    if model.inputs[0].dtype != "float32":
        raise ValueError(f"`model` must have a float32 input. Received: dtype={model.inputs[0].dtype}")
    reasons = [(node.operation, why_not(node)) for node in nodes]
    odd = [f"{layer.name} ({type(layer).__name__}: {reason})" for layer, reason in reasons if reason]
    if odd:
        raise ValueError(
            "`model` must be a flat graph of layers that have an 8-bit form here; replace these, or quantise after "
            f"training. Received: {', '.join(dict.fromkeys(odd))}"
        )


def _observe(model, samples):
    nodes = [node for node in nodes_of(model) if isinstance(node.operation, FakeQuant)]
    # As long as no range is set these layers round nothing: all are seen in one pass, compiled.
    rows = [keras.layers.Flatten()(node.input_tensors[0]) for node in nodes]
    ends = [extreme(row, axis=1) for row in rows for extreme in (keras.ops.min, keras.ops.max)]
    found = keras.Model(model.input, ends).predict(samples, batch_size=BATCH, verbose=0)
    for node, low, high in zip(nodes, found[::2], found[1::2], strict=True):
        node.operation.observe([low.min(), high.max()])

"""Which channels of a model stand or fall together: those that meet in an `Add`, or pass from layer to layer."""

import keras
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tlkeras.backbones.graph import nodes_of

MAKERS = (
    keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Dense, keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)  # fmt: skip
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
PASSES = (
    keras.layers.Activation, keras.layers.ActivityRegularization, keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D, keras.layers.BatchNormalization, keras.layers.Cropping1D, keras.layers.Cropping2D,
    keras.layers.Dropout, keras.layers.ELU, keras.layers.GaussianDropout, keras.layers.GaussianNoise,
    keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D, keras.layers.Identity, keras.layers.LeakyReLU, keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D, keras.layers.ReLU, keras.layers.Rescaling, keras.layers.Reshape, keras.layers.Resizing,
    keras.layers.Softmax, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D, keras.layers.UpSampling1D,
    keras.layers.UpSampling2D, keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D,
)  # fmt: skip
MEETINGS = (
    keras.layers.Add, keras.layers.Average, keras.layers.Maximum, keras.layers.Minimum, keras.layers.Multiply,
    keras.layers.Subtract,
)  # fmt: skip
OPERATORS = ("Add", "Multiply", "Subtract")  # of `keras.ops`, as in `x + shortcut`
MIXING = ("softmax", "log_softmax", "sparsemax", "glu")  # activations in which one channel depends on others
SLICED = {"kernel", "bias", "depthwise_kernel", "pointwise_kernel", "gamma", "beta", "moving_mean", "moving_variance"}
NONE = np.zeros(0, int)


class ChannelGraph:
    """The channels of a flat functional model, followed from layer to layer.

    Each output channel of a convolution or Dense layer has a number. Channels that no layer can tell apart, because
    they meet elementwise, are one *class*.

    Args:
        model: Flat functional `keras.Model`.
        fixed: Names of layers that keep all their channels; one that cannot be followed keeps those it reads, too.

    Attributes:
        makers: The layers that make channels, in execution order.
        ins: `{layer name: classes of the channels that it reads}`.
        outs: `{layer name: classes of the channels that it gives}`.
        removable: Bool `(classes,)`, False where a channel is an input or output of the model, or fixed.

    Raises:
        ValueError: If a layer cannot be followed, or a name in `fixed` is no layer.
    """

    def __init__(self, model, fixed=()):
        nodes = nodes_of(model)
        names = [node.operation.name for node in nodes]
        if isinstance(fixed, str) or not set(fixed) <= set(names):
            raise ValueError(f"`fixed` must be a list of names of layers, some of {names}. Received: {fixed!r}")
        self.makers, self.ins, self.outs = [], {}, {}
        self._fixed, self._count, self._ties, self._kept, self._whole = set(fixed), 0, [], [], set()
        tensors = {}
        for node in nodes:
            read = [tensors[id(tensor)] for tensor in node.input_tensors]
            for tensor, given in zip(node.output_tensors, self._follow(node, read), strict=True):
                tensors[id(tensor)] = given
        self._kept += [tensors[id(tensor)] for tensor in model.outputs]
        self._settle()

    def _follow(self, node, read):
        layer, name = node.operation, node.operation.name
        given = self._given(node, read) if len(node.output_tensors) == 1 else None
        if given is None or len(given) != _width(node.output_tensors[0]):
            return self._stop(node, np.concatenate([NONE, *read]))
        if name in self._fixed or _mixes(layer):
            self._kept.append(given)
        if len(read) == 1:
            if name in self.ins:  # called again with the same weights
                self._tie(self.ins[name], read[0])
            self.ins.setdefault(name, read[0])
        self.outs.setdefault(name, given)
        return [given]

    def _given(self, node, read):
        """Returns the numbers of the channels that a layer gives, or None if it cannot be followed."""
        layer, kind, shape = node.operation, type(node.operation), node.output_tensors[0].shape
        if _is_operator(node):
            return self._met(read)
        if not _is_plain(layer, len(shape) - 1):
            return None
        if kind in MAKERS:
            if layer.name not in self.outs:
                self.makers.append(layer)
            return self.outs[layer.name] if layer.name in self.outs else self._new(_width(node.output_tensors[0]))
        if kind in DEPTHWISE:
            return np.repeat(read[0], layer.depth_multiplier)
        if kind is keras.layers.Flatten:
            return np.tile(read[0], (shape[-1] or 0) // len(read[0]))
        if kind in PASSES:
            return read[0]
        if kind is keras.layers.Concatenate and layer.axis in (-1, len(shape) - 1):
            return np.concatenate(read)
        return self._met(read) if kind in (*MEETINGS, keras.layers.Concatenate) else None

    def _new(self, count):
        self._count += count
        return np.arange(self._count - count, self._count)

    def _tie(self, first, second):
        self._ties.append((first, second))

    def _met(self, read):
        widest = max(read, key=len)
        for other in read:
            if len(other) == len(widest):
                self._tie(widest, other)
            elif len(other) != 1:  # one channel counts for all
                return None
        return widest

    def _stop(self, node, read):
        """Keeps all that a layer reads and gives if it was asked for, or nothing that it reads could be removed."""
        layer = node.operation
        harmless = isinstance(layer, keras.layers.Normalization) or not getattr(layer, "weights", None)
        if layer.name not in self._fixed and not (harmless and self._whole.issuperset(read.tolist())):
            raise ValueError(
                "The channels of `model` must be followed through every layer; name one in `fixed` that is to stay as "
                f"it is, with all that it reads. Received: layer {layer.name!r} ({type(layer).__name__})"
            )
        given = [self._new(_width(tensor)) for tensor in node.output_tensors]
        self._kept += [read, *given]
        self._whole.update(np.concatenate([NONE, *given]).tolist())
        return given

    def _settle(self):
        first, second = (np.concatenate([NONE, *side]) for side in zip((NONE, NONE), *self._ties, strict=True))
        ties = coo_matrix((np.ones(len(first)), (first, second)), shape=(self._count, self._count))
        count, classes = connected_components(ties, directed=False)
        self.removable = np.ones(count, bool)
        self.removable[classes[np.concatenate([NONE, *self._kept])]] = False
        self.ins = {name: classes[numbers] for name, numbers in self.ins.items()}
        self.outs = {name: classes[numbers] for name, numbers in self.outs.items()}


def _width(tensor) -> int:
    return (tensor.shape[-1] or 0) if len(tensor.shape) else 0


def _mixes(layer) -> bool:
    by_channel = isinstance(layer, keras.layers.Rescaling) and (np.ndim(layer.scale) or np.ndim(layer.offset))
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    return bool(by_channel) or isinstance(layer, keras.layers.Softmax) or activation in MIXING


def _is_operator(node) -> bool:
    kind = type(node.operation)
    arguments = keras.tree.flatten((node.arguments.args, node.arguments.kwargs))
    numbers = [value for value in arguments if not isinstance(value, keras.KerasTensor)]
    return kind.__module__.startswith("keras.") and not issubclass(kind, keras.layers.Layer) and (
        kind.__name__ in OPERATORS and all(isinstance(value, int | float) for value in numbers)
    )  # fmt: skip


def _is_plain(layer, last) -> bool:
    """Tells whether a layer's channels are its last axis, its weights can be cut, and its activation is Keras' own."""
    activation = getattr(layer, "activation", None)
    known = getattr(keras.activations, getattr(activation, "__name__", ""), None)
    return (
        (activation is None or activation is known)
        and getattr(layer, "data_format", None) in (None, "channels_last")
        and getattr(layer, "groups", 1) == 1
        and (not isinstance(layer, keras.layers.BatchNormalization) or layer.axis in (-1, last))
        and {weight.name for weight in getattr(layer, "weights", ())} <= SLICED
    )

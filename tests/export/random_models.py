"""Random functional models over the layers that recipes use, drawn by hypothesis."""

import keras
import numpy as np
from hypothesis import strategies as st

from tlkeras import layers

L, ops = keras.layers, keras.ops
ACTIVATIONS = ("relu", "relu6", "gelu", "swish", "hard_swish", "elu", "tanh", "sigmoid")


def convolution(draw, x):
    kernel, strides = draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 2]))
    activation = draw(st.sampled_from([None, *ACTIVATIONS]))
    kind = draw(st.sampled_from(["plain", "depthwise", "separable"]))
    how = {"strides": strides, "padding": "same", "activation": activation, "use_bias": draw(st.booleans())}
    if kind == "depthwise":
        return L.DepthwiseConv2D(kernel, **how)(x)
    make = L.Conv2D if kind == "plain" else L.SeparableConv2D
    return make(draw(st.sampled_from([4, 6, 8])), kernel, **how)(x)


def pooled(draw, x):
    kind = draw(st.sampled_from([L.MaxPooling2D, L.AveragePooling2D]))
    return kind(2, strides=draw(st.sampled_from([1, 2])), padding=draw(st.sampled_from(["same", "valid"])))(x)


def sized(draw, x):
    kind = draw(st.sampled_from(["pad", "up", "resize"]))
    method = draw(st.sampled_from(["nearest", "bilinear"]))
    if kind == "pad":
        return L.ZeroPadding2D(((0, 1), (1, 0)))(x)
    if kind == "up":
        return L.UpSampling2D(2, interpolation=method)(x)
    return L.Resizing(draw(st.integers(3, 9)), draw(st.integers(3, 9)), interpolation=method)(x)


def gated(draw, x):
    channels = x.shape[-1]
    gate = L.GlobalAveragePooling2D(keepdims=draw(st.booleans()))(x)
    gate = L.Dense(2, draw(st.sampled_from(["relu", "swish"])))(gate)
    gate = L.Dense(channels, draw(st.sampled_from(["sigmoid", "hard_sigmoid"])))(gate)
    if len(gate.shape) == 2:
        gate = L.Reshape((1, 1, channels))(gate)
    return L.Multiply()([x, gate])


def branched(draw, x):
    other = L.Conv2D(x.shape[-1], 3, padding="same", activation=draw(st.sampled_from([None, "relu"])))(x)
    return draw(st.sampled_from([L.Add, L.Concatenate, L.Average, L.Maximum]))()([x, other])


def as_sequence(draw, x):
    if draw(st.booleans()):
        return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))
    return L.Reshape((-1, x.shape[-1]))(x)


def normalized(draw, x):
    kinds = [
        L.BatchNormalization, L.LayerNormalization, L.UnitNormalization, layers.DomainBatchNormalization,
        layers.StochNorm,
    ]  # fmt: skip
    if x.shape[-1] % 2 == 0:
        kinds.append(lambda: L.GroupNormalization(2))
    return draw(st.sampled_from(kinds))()(x)


def activated(draw, x):
    slopes = (lambda: L.LeakyReLU(0.2), L.PReLU, lambda: L.ReLU(4.0, negative_slope=0.1), L.ELU, L.Softmax)
    plain = [lambda name=name: L.Activation(name) for name in ACTIVATIONS]
    return draw(st.sampled_from([*slopes, *plain]))()(x)


def idle(draw, x):
    return draw(st.sampled_from([lambda: L.Dropout(0.3), layers.GradientReversal, L.Identity]))()(x)


def computed(draw, x):
    functions = (
        lambda x: ops.relu(x) + 0.5,
        lambda x: x * ops.sigmoid(x),
        lambda x: ops.sqrt(ops.square(x) + 0.1),
        lambda x: x - ops.mean(x, axis=-1, keepdims=True),
        lambda x: ops.clip(x, -2, 2),
        lambda x: ops.log(ops.abs(x) + 1.0),
        lambda x: ops.concatenate([x, ops.negative(x)], axis=-1),
        lambda x: x / (ops.max(ops.abs(x), axis=-1, keepdims=True) + 1.0),
        lambda x: ops.where(x > 0, x, ops.exp(ops.minimum(x, 0.0))),
    )
    return draw(st.sampled_from(functions))(x)


def attended(draw, x):
    attention = L.MultiHeadAttention(2, 4)(x, x)
    return L.Add()([x, attention]) if draw(st.booleans()) else attention


def recurrent(draw, x):
    kind, whole = draw(st.sampled_from([L.GRU, L.LSTM, L.SimpleRNN])), draw(st.booleans())
    return kind(5, unroll=True, return_sequences=whole)(x) if x.shape[1] <= 16 else x


def along(draw, x):
    kind = draw(st.sampled_from(["conv", "pool", "dense", "mean"]))
    if kind == "conv":
        return L.Conv1D(6, 3, padding="same", activation=draw(st.sampled_from([None, *ACTIVATIONS])))(x)
    if kind == "pool":
        return L.MaxPooling1D(2, padding="same")(x)
    return L.Dense(6, "relu")(x) if kind == "dense" else L.GlobalAveragePooling1D()(x)


def vector(draw, x):
    ends = [L.Flatten] + ([L.GlobalAveragePooling2D, L.GlobalMaxPooling2D] if len(x.shape) == 4 else [])
    return draw(st.sampled_from(ends))()(x)


def dense(draw, x):
    return L.Dense(draw(st.sampled_from([4, 9])), draw(st.sampled_from([None, *ACTIVATIONS])))(x)


ANYWHERE = (normalized, activated, idle, computed)
STEPS = {
    2: (dense, *ANYWHERE),
    3: (attended, recurrent, along, vector, *ANYWHERE),
    4: (convolution, convolution, pooled, sized, gated, branched, as_sequence, *ANYWHERE),
}  # by the rank of what they take


def random_model(draw):
    """A model of logits or probabilities with random weights, averages included, and its inputs and their range.

    Args:
        draw: That of `st.data()`: Keras reads the seed that a strategy may not touch.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(draw(st.integers(0, 9)))
    shape = draw(st.sampled_from([(12, 12, 3), (9, 10, 1), (8, 6), (14,)]))
    x = inputs = keras.Input(shape, name="inputs")
    value_range = None
    if len(shape) == 3:
        value_range = (0, 255)
        x = L.Rescaling(*draw(st.sampled_from([(1 / 255, 0.0), (1 / 127.5, -1.0)])))(x)
    for _ in range(draw(st.integers(1, 6))):
        x = draw(st.sampled_from(STEPS[len(x.shape)]))(draw, x)
    if len(x.shape) > 2:
        x = vector(draw, x)
    model = keras.Model(inputs, L.Dense(4, draw(st.sampled_from([None, "softmax"])), name="logits")(x))
    random = np.random.default_rng(0)
    for variable in model.variables:
        if variable.path.rpartition("/")[2].startswith("moving_"):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
    low, high = value_range or (-2, 2)
    return model, random.uniform(low, high, (60, *shape)).astype("float32"), value_range

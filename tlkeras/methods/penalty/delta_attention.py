"""Which channels matter for a task: the attention of DELTA."""

import keras
import numpy as np

from tlkeras.backbones.graph import output_of


def delta_attention(model, x, y, *, taps=("features",), batch_size=64) -> dict:
    """Weighs every channel of the tapped layers by how much the loss rises when it is set to 0.

    `softmax_c((d_c - mean d) / (5 std d))` with `d_c` the rise of the mean cross entropy. First train the head on the
    frozen backbone (the linear head on source features of the paper); then call this; then fine-tune with
    `DELTA(taps=..., attention=...)`.

    Deviations from the paper: it uses the softmax of `d` itself; the authors' code standardises `d` and divides by 5,
    as here. The paper silences a filter, here its output. Cost: one pass above the tap for every channel of it.

    Args:
        model: Functional classifier whose head is trained; its output is logits `(batch, classes)`.
        x: Inputs, as an array.
        y: Integer labels `(rows,)`.
        taps: Names of layers through which everything passes: the model must split in two there.
        batch_size: Rows at a time.

    Returns:
        `{tap: list of numbers > 0, one a channel, that sum to 1}`.

    Raises:
        ValueError: If the model does not split at a tap, or `x` and `y` differ in length.

    Example:
        >>> inputs = keras.Input((4,))
        >>> features = keras.layers.Dense(8, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))
        >>> len(delta_attention(model, np.ones((6, 4)), np.zeros(6, int))["features"])
        8

    Reference:
        Li, Xiong, Wang, Rao, Liu, Huan: DELTA: Deep Learning Transfer using Feature Map with Attention for
        Convolutional Networks, 2019, https://arxiv.org/abs/1901.09229
    """
    y = np.asarray(y)
    if len(x) != len(y) or y.ndim != 1 or not len(y):
        raise ValueError(
            "`y` must hold one integer label for each row of `x`. "
            f"Received: {len(x)} rows, labels of shape {tuple(y.shape)}"
        )
    return {tap: _attention(_rises(*_split(model, tap), x, y, batch_size)) for tap in taps}


def _split(model, tap):
    boundary = output_of(model, tap)
    try:
        return keras.Model(model.input, boundary), keras.Model(boundary, model.output)
    except (ValueError, KeyError) as error:
        raise ValueError(
            "`taps` must be layers through which everything passes, such as the output of a whole block. "
            f"Received: {tap!r} ({error})"
        ) from error


def _rises(lower, upper, x, y, batch_size):
    channels = lower.output.shape[-1]
    rises = np.zeros(channels)
    for start in range(0, len(y), batch_size):
        labels = y[start : start + batch_size]
        maps = np.asarray(lower.predict_on_batch(x[start : start + batch_size]))
        before = _summed_loss(upper, maps, labels)
        for channel in range(channels):
            silenced = maps.copy()
            silenced[..., channel] = 0
            rises[channel] += _summed_loss(upper, silenced, labels) - before
    return rises / len(y)


def _summed_loss(upper, maps, labels):
    logits = np.asarray(upper.predict_on_batch(maps), dtype="float64")
    logits = logits - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]).sum())


def _attention(rises):
    standard = (rises - rises.mean()) / (rises.std() or 1.0)
    powers = np.exp(standard / 5.0 - (standard / 5.0).max())
    return [float(value) for value in powers / powers.sum()]

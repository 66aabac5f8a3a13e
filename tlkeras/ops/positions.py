"""Places of a coarser map in a finer one."""

import keras


def coarsened(x, shape):
    """Returns a finer map at the places of a coarser one: the middle of every cell.

    Args:
        x: Tensor `(batch, ...)` or `(batch, ..., channels)`.
        shape: Sizes of the coarser map, of which those of `x` are multiples.

    Returns:
        Tensor `(batch, *shape)` or `(batch, *shape, channels)`.

    Raises:
        ValueError: If a size of `x` is no multiple.

    Example:
        >>> tuple(coarsened(keras.ops.arange(6)[None], (2,)).shape)
        (1, 2)
    """
    for axis, size in enumerate(shape, start=1):
        step = x.shape[axis] // size
        if step < 1 or x.shape[axis] != step * size:
            raise ValueError(
                f"Labels must be as fine as the tapped map, or a multiple of it. Received: {tuple(x.shape)} for {shape}"
            )
        if step > 1:
            x = keras.ops.take(x, keras.ops.arange(size) * step + step // 2, axis=axis)
    return x

"""Classes as directions in feature space."""

import keras

from tlkeras.ops.moments import check_rank_2

_SMALLEST = 1e-15  # of a length whose square float32 can hold


def nearest_prototype(features, prototypes):
    """Class whose prototype points most in the direction of each row, `argmax_k cos(f_i, c_k)`.

    Args:
        features: Float tensor `(batch, features)`.
        prototypes: Float tensor `(classes, features)` of any lengths. A row of zeros is no candidate, unless all are.

    Returns:
        Integer tensor `(batch,)`.

    Raises:
        ValueError: If one of them is not of rank 2.

    Example:
        >>> features = keras.ops.convert_to_tensor([[1.0, 0.1], [-5.0, 9.0]])
        >>> keras.ops.convert_to_numpy(nearest_prototype(features, keras.ops.eye(2))).tolist()
        [0, 1]
    """
    check_rank_2("features", features)
    check_rank_2("prototypes", prototypes)
    lengths = keras.ops.sqrt(keras.ops.sum(keras.ops.square(prototypes), axis=1))
    directions = prototypes / keras.ops.maximum(lengths, _SMALLEST)[:, None]
    cosines = keras.ops.matmul(features, keras.ops.transpose(directions))  # times a length of the row alone
    return keras.ops.argmax(keras.ops.where(lengths > _SMALLEST, cosines, -float("inf")), axis=-1)

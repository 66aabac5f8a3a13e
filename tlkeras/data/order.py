"""Which rows make which batch: a pure function of (seed, epoch)."""

import numpy as np


def epoch_order(sizes, batch_size, steps, seed, epoch):
    """Row indices of every batch of one epoch, for several data sets walked side by side.

    Each set is shuffled; a set shorter than the epoch is shuffled anew and repeated as often as it takes.

    Args:
        sizes: Number of rows of each set.
        batch_size: Rows a batch, from each set.
        steps: Batches in the epoch.
        seed: Integer.
        epoch: Integer >= 0.

    Returns:
        List with one int64 array `(steps, batch_size)` for each set.

    Example:
        >>> [order.shape for order in epoch_order([10, 3], batch_size=2, steps=5, seed=0, epoch=0)]
        [(5, 2), (5, 2)]
    """
    orders = []
    for side, size in enumerate(sizes):
        random = np.random.default_rng([seed, epoch, side])
        passes = -(-steps * batch_size // size)
        rows = np.concatenate([random.permutation(size) for _ in range(passes)])
        orders.append(rows[: steps * batch_size].reshape(steps, batch_size))
    return orders

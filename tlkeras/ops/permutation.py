"""Whether two samples come from one distribution, by exchanging their rows."""

from typing import NamedTuple

import keras
import numpy as np

from tlkeras.ops.kernels import gaussian_mixture, squared_distances

ROUNDING = 1e-9  # samples of one and the same row differ by rounding only, which must not count as a difference


class PermutationTest(NamedTuple):
    """A statistic and the share of permutations that reach it.

    Attributes:
        statistic: Squared maximum mean discrepancy of the samples.
        p_value: In (0, 1]; small where the samples differ.
    """

    statistic: float
    p_value: float


def mmd_permutation_test(
    source, target, *, permutations=999, seed=0, multipliers=(0.125, 0.25, 0.5, 1.0, 2.0)
) -> PermutationTest:
    """Tests by `ops.mmd` whether the rows of two samples come from one distribution.

    `p = (1 + #{permutations with MMD >= the observed one}) / (1 + permutations)`: each permutation deals the rows of
    both samples out again. The kernel, whose width is that of all rows together, is computed once.

    Args:
        source: Float array `(n, features)`.
        target: Float array `(m, features)`.
        permutations: Integer >= 1; the smallest p-value is `1 / (1 + permutations)`.
        seed: Integer >= 0.
        multipliers: Kernel widths as multiples of the mean squared distance between the rows of both samples.

    Returns:
        `PermutationTest` with the observed `statistic` in [0, 2] and its `p_value`.

    Raises:
        ValueError: If `permutations` is no integer >= 1, or a sample is not of rank 2 or has no row.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(40, 2))
        >>> mmd_permutation_test(rows[:20], rows[20:] + 3.0, permutations=99).p_value
        0.01

    Reference:
        Gretton, Borgwardt, Rasch, Schoelkopf, Smola: A Kernel Two-Sample Test, 2012,
        https://jmlr.org/papers/v13/gretton12a.html
    """
    if not isinstance(permutations, int) or permutations < 1:
        raise ValueError(f"`permutations` must be an integer >= 1. Received: permutations={permutations!r}")
    n, m = len(source), len(target)
    if not n or not m:
        raise ValueError(f"`source` and `target` must have at least one row. Received: {n} and {m} rows")
    both = keras.ops.concatenate([keras.ops.convert_to_tensor(x, dtype="float32") for x in (source, target)])
    kernel = keras.ops.convert_to_numpy(gaussian_mixture(squared_distances(both, both), multipliers)).astype("float64")
    random, observed = np.random.default_rng(seed), np.repeat([1 / n, -1 / m], [n, m])
    shares = np.stack([observed, *(random.permutation(observed) for _ in range(permutations))], axis=1)
    statistics = (shares * (kernel @ shares)).sum(axis=0)
    reached = int((statistics[1:] >= statistics[0] - ROUNDING).sum())
    return PermutationTest(float(max(statistics[0], 0.0)), (1 + reached) / (1 + permutations))

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from tlkeras.ops import mmd, mmd_permutation_test


def test_the_statistic_is_that_of_an_independent_formula():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(13, 4)), random.normal(0.5, 2.0, size=(9, 4))
    both = np.concatenate([x, y])
    width = cdist(both, both, "sqeuclidean").sum() / (22 * 21)

    def mean_kernel(a, b):
        d = cdist(a, b, "sqeuclidean")
        return np.mean([np.exp(-d / (2 * m * width)).mean() for m in (0.5, 2.0)])

    expected = mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y)
    found = mmd_permutation_test(x, y, permutations=9, multipliers=(0.5, 2.0))
    assert found.statistic == pytest.approx(expected, rel=1e-4)
    assert mmd_permutation_test(x, y, permutations=9).statistic == pytest.approx(float(mmd(x, y)), rel=1e-4)


def test_every_permutation_of_three_rows_by_hand():
    """Rows 0, 0 and 9 against 9: of the 4 equally likely choices of the row that stands alone, two are as far apart."""
    found = mmd_permutation_test([[0.0], [0.0], [9.0]], [[9.0]], permutations=4000)
    assert found.p_value == pytest.approx(1.0, abs=0.001)
    found = mmd_permutation_test([[9.0], [9.0], [9.0]], [[0.0]], permutations=4000)
    assert found.p_value == pytest.approx(0.25, abs=0.03)


def test_p_is_uniform_where_nothing_differs():
    random = np.random.default_rng(0)
    pairs = [(random.normal(size=(20, 3)), random.normal(size=(15, 3))) for _ in range(200)]
    found = [mmd_permutation_test(*pair, permutations=99, seed=seed).p_value for seed, pair in enumerate(pairs)]
    assert stats.kstest(found, "uniform").pvalue > 0.05
    assert np.mean(np.array(found) <= 0.05) <= 0.09  # 0.05 and two standard errors


@pytest.mark.parametrize("shift", [lambda x: x + 1.0, lambda x: 2.5 * x], ids=["means", "spread"])
def test_p_is_small_where_means_or_spread_differ(shift):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)), shift(random.normal(size=(40, 3)))
    assert mmd_permutation_test(x, y, permutations=999).p_value == 0.001


def test_equal_rows_are_no_difference_and_a_seed_repeats():
    assert mmd_permutation_test(np.ones((6, 3)) / 3, np.ones((4, 3)) / 3).p_value == 1.0
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 3)), random.normal(size=(20, 3))
    found = [mmd_permutation_test(x, y, permutations=99, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] and found[0].p_value != found[2].p_value


@pytest.mark.parametrize("permutations", [0, 9.0, -1])
def test_bad_input(permutations):
    with pytest.raises(ValueError, match="`permutations` must be an integer >= 1. Received: permutations="):
        mmd_permutation_test(np.ones((2, 1)), np.ones((2, 1)), permutations=permutations)
    with pytest.raises(ValueError, match="at least one row. Received: 2 and 0 rows"):
        mmd_permutation_test(np.ones((2, 1)), np.ones((0, 1)))

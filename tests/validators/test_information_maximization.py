import numpy as np
import pytest
import scipy.special
import scipy.stats

from tlkeras.validators import information_maximization


def test_equals_scipy_and_its_bounds():
    logits = np.random.default_rng(0).normal(size=(9, 4))
    p = scipy.special.softmax(logits, axis=1)
    expected = scipy.stats.entropy(p.mean(axis=0)) - scipy.stats.entropy(p, axis=1).mean()
    np.testing.assert_allclose(information_maximization(logits), expected, rtol=1e-4)
    np.testing.assert_allclose(information_maximization(np.zeros((5, 4))), 0, atol=1e-6)
    np.testing.assert_allclose(information_maximization(1e3 * np.eye(4)), np.log(4), rtol=1e-5)


@pytest.mark.parametrize("shape", [(0, 3), (5,)])
def test_empty_or_flat_logits_are_refused(shape):
    with pytest.raises(ValueError, match="at least one row"):
        information_maximization(np.zeros(shape))

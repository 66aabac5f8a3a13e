import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tlkeras.transferability import nce

RANDOM = np.random.default_rng(3)


def test_it_is_mutual_information_less_the_entropy_of_the_labels():
    labels, noise = RANDOM.integers(0, 3, 200), RANDOM.integers(0, 5, 200)
    source = np.where(RANDOM.random(200) < 0.6, labels + 10, noise)
    shares = np.bincount(labels) / 200
    entropy = -(shares * np.log(shares)).sum()
    assert nce(source, labels) == pytest.approx(mutual_info_score(labels, source) - entropy)
    assert -np.log(3) <= nce(noise, labels) < nce(source, labels) < 0


def test_its_ends():
    labels = np.array([0, 1, 2, 0, 1, 2])
    assert nce(labels + 4, labels) == 0
    assert nce(np.zeros(6, int), labels) == pytest.approx(-np.log(3))
    assert nce(np.arange(6), labels) == 0


def test_bad_input():
    with pytest.raises(ValueError, match="`source_labels` must be integers"):
        nce([0.5, 0.5], [0, 1])
    with pytest.raises(ValueError, match="one for each of the 3 rows. Received: shape=\\(2,\\)"):
        nce([0, 1, 2], [0, 1])
    with pytest.raises(ValueError, match="at least two classes. Received: \\[1\\]"):
        nce([0, 1], [1, 1])

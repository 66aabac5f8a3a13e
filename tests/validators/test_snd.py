import math

import numpy as np
import pytest

from tlkeras.validators import snd


def slow(logits, temperature):
    """The paper's formula, one number at a time."""
    entropies = []
    points = [np.exp(row) / np.exp(row).sum() for row in logits]
    points = [point / math.sqrt(sum(point**2)) for point in points]
    for i, one in enumerate(points):
        shares = [math.exp(sum(one * other) / temperature) for j, other in enumerate(points) if j != i]
        shares = [share / sum(shares) for share in shares]
        entropies.append(-sum(share * math.log(share) for share in shares))
    return sum(entropies) / len(entropies)


def test_it_is_the_papers_formula():
    logits = np.random.default_rng(0).normal(size=(9, 4))
    assert snd(logits) == pytest.approx(slow(logits, 0.05))
    assert snd(logits, temperature=0.5) == pytest.approx(slow(logits, 0.5))


def test_more_rows_than_are_compared_at_once():
    labels = np.arange(1203) % 3  # 400 neighbours of the same prediction each, and 802 rows e^20 times further
    far = 802 * math.exp(-20) / 400
    expected = math.log(400) + math.log(1 + far) + 20 * far / (1 + far)
    assert snd(1e3 * np.eye(3)[labels]) == pytest.approx(expected, rel=1e-9)


def test_its_ends():
    assert snd(np.tile([1e3, 0.0, 0.0], (6, 1))) == pytest.approx(np.log(5))
    pairs = 1e3 * np.eye(3)[[0, 0, 1, 1, 2, 2]]
    assert 0 < snd(pairs) < 1e-6


def test_bad_input():
    with pytest.raises(ValueError, match="at least two rows"):
        snd(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="`temperature` must be a number > 0. Received: temperature=0"):
        snd(np.zeros((4, 3)), temperature=0)
    with pytest.raises(ValueError, match="`target_logits` must be finite"):
        snd(np.full((4, 3), np.nan))

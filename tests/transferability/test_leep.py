import numpy as np
import pytest

from tlkeras.transferability import leep, nce

RANDOM = np.random.default_rng(2)
LABELS = RANDOM.integers(0, 3, 50)


def test_it_is_the_papers_three_steps():
    probabilities = RANDOM.dirichlet(np.ones(5), 50)
    joint = {
        (y, z): sum(p[z] for p, label in zip(probabilities, LABELS, strict=True) if label == y) / 50
        for y in range(3) for z in range(5)
    }  # fmt: skip
    conditional = {(y, z): joint[y, z] / sum(joint[other, z] for other in range(3)) for y, z in joint}
    likelihoods = [
        sum(conditional[label, z] * p[z] for z in range(5)) for p, label in zip(probabilities, LABELS, strict=True)
    ]
    assert leep(probabilities, LABELS) == pytest.approx(np.mean(np.log(likelihoods)))


def test_with_certain_probabilities_it_is_nce():
    source = RANDOM.integers(0, 4, 50)
    assert leep(np.eye(6)[source], LABELS) == pytest.approx(nce(source, LABELS))


def test_its_ends():
    assert leep(np.eye(3)[LABELS], LABELS * 5) == 0
    shares = np.bincount(LABELS) / 50
    assert leep(np.full((50, 7), 1 / 7), LABELS) == pytest.approx((shares * np.log(shares)).sum())
    float32 = RANDOM.dirichlet(np.ones(1000), 50).astype("float32")
    assert leep(float32, LABELS) == pytest.approx(leep(float32.astype("float64"), LABELS), abs=1e-6)


def test_bad_input():
    with pytest.raises(ValueError, match="apply softmax to logits. Received: row 0 with sum 3"):
        leep(np.ones((50, 3)), LABELS)
    with pytest.raises(ValueError, match="row 0 with sum 1, minimum -1"):
        leep(np.tile([2.0, -1.0], (50, 1)), LABELS)
    with pytest.raises(ValueError, match="`probabilities` must be finite"):
        leep(np.full((50, 3), np.nan), LABELS)
    with pytest.raises(ValueError, match="at least two classes"):
        leep(np.full((50, 2), 0.5), np.ones(50, int))

import numpy as np
import pytest

from tlkeras.ops import category_relationship

RNG = np.random.default_rng(0)


def test_the_relationship_is_the_mean_of_each_class():
    p, y = RNG.dirichlet(np.ones(5), 30), np.arange(30) % 3
    received = category_relationship(p, y)
    for label in range(3):
        np.testing.assert_allclose(received[label], np.mean([p[i] for i in range(30) if y[i] == label], 0), rtol=1e-5)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([[2.0, -1.0]], [0], "apply a softmax to logits. Received: smallest entry -1"),
        ([[0.5, 0.5]], [0, 1], "Received: shapes \\(1, 2\\) and \\(2,\\)"),
        ([[0.5, 0.5]] * 2, [0, 2], "every class from 0 to 2. Received: none of \\[1\\]"),
        ([[0.5, 0.5]], [0.5], "`labels` must be integers"),
    ],
)
def test_bad_input_is_refused(p, y, message):
    with pytest.raises(ValueError, match=message):
        category_relationship(np.array(p), np.array(y))

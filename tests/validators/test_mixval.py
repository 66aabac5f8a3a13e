import numpy as np
import pytest

from tlkeras.testing import common
from tlkeras.validators import Probe, mixval


def logits(*labels):
    return np.eye(3)[list(labels)]


def test_six_rows_by_hand():
    # Rows 0 and 1 are mixed with their own class, the other four with another, the last with the first.
    target = logits(0, 0, 0, 1, 2, 1)
    assert mixval(target, target) == 1
    assert mixval(target, logits(1, 0, 0, 1, 2, 1)) == pytest.approx((0.5 + 1) / 2)
    assert mixval(target, logits(0, 0, 0, 2, 1, 1)) == pytest.approx((1 + 0.5) / 2)
    assert mixval(target, logits(0, 0, 0, 1, 2, 0)) == pytest.approx((1 + 0.75) / 2)
    assert mixval(target, logits(1, 1, 1, 2, 0, 0)) == 0


def test_pairs_of_one_kind_only():
    assert mixval(logits(0, 1, 2), logits(0, 1, 1)) == pytest.approx(2 / 3)
    assert mixval(logits(1, 1, 1), logits(1, 1, 1)) == 0.5


def test_the_mixed_rows_of_a_probe_are_meant():
    model = common.small_model()
    target = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    evidence = Probe(model, target, mix=True).evidence()
    predicted = evidence.target_logits.argmax(1)
    mixed = model.predict(0.55 * target + 0.45 * target[[*range(1, 50), 0]], verbose=0).argmax(1)
    kinds = {True: [], False: []}
    for row in range(50):
        kinds[bool(predicted[row] == predicted[(row + 1) % 50])].append(mixed[row] == predicted[row])
    assert kinds[True] and kinds[False]
    expected = (np.mean(kinds[True]) + np.mean(kinds[False])) / 2
    assert mixval(evidence.target_logits, evidence.mixed_logits) == pytest.approx(expected)


def test_bad_input():
    with pytest.raises(ValueError, match="`mixed_logits` must have 3 rows"):
        mixval(logits(0, 1, 2), logits(0, 1))
    with pytest.raises(ValueError, match="shape of `target_logits`. Received: shapes \\(3, 2\\) and \\(3, 3\\)"):
        mixval(logits(0, 1, 2), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="`mixed_logits` must be finite"):
        mixval(logits(0, 1, 2), np.full((3, 3), np.nan))

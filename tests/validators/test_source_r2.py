import numpy as np
import pytest
from sklearn.metrics import r2_score

from tlkeras.validators import source_r2
from tlkeras.validators.source_r2 import relative_errors

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.normal(50, 10, (40, 2))
VALUES = LABELS + RANDOM.normal(0, 3, (40, 2))


def test_it_is_scikit_learns():
    assert source_r2(VALUES, LABELS) == pytest.approx(r2_score(LABELS, VALUES), rel=1e-9)
    assert source_r2(VALUES[:, :1], LABELS[:, 0]) == pytest.approx(r2_score(LABELS[:, 0], VALUES[:, 0]), rel=1e-9)
    assert source_r2(np.tile(LABELS.mean(axis=0), (40, 1)), LABELS) == pytest.approx(0, abs=1e-9)


def test_errors_by_hand():  # the variance of 1 and 3 is 1
    assert relative_errors([[1.0], [5.0]], [1, 3]).tolist() == [0.0, 4.0]


def test_bad_input():
    with pytest.raises(ValueError, match="one for each of the 40 rows and 2 outputs. Received: shape=\\(40,\\)"):
        source_r2(VALUES, LABELS[:, 0])
    with pytest.raises(ValueError, match="must differ between rows"):
        source_r2(VALUES, np.ones((40, 2)))
    with pytest.raises(ValueError, match="`source_labels` must be finite"):
        source_r2(VALUES, np.where(LABELS > 50, np.nan, LABELS))
    with pytest.raises(ValueError, match="`source_labels` must be numbers.*dtype=<U"):
        source_r2(VALUES, LABELS.astype(str))

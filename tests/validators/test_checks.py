import numpy as np
import pytest

from tlkeras.validators.checks import checked_labels, checked_logits, checked_matrix


def test_what_is_right_comes_back_as_float64():
    matrix = checked_matrix(np.ones((2, 3), "float16"), "features", rows=2, columns=3)
    assert (matrix.dtype, matrix.shape) == ("float64", (2, 3))
    assert checked_labels([0, 1], 2, 2).tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (5,), (2, 2, 2)])
def test_empty_and_other_ranks_are_refused(shape):
    with pytest.raises(ValueError, match="`features` must be .* at least one row. Received: shape="):
        checked_matrix(np.zeros(shape), "features")


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="`x` must have 4 rows. Received"):
        checked_matrix(np.zeros((3, 2)), "x", rows=4)
    with pytest.raises(ValueError, match="`x` must have 3 rows and 5 columns. Received"):
        checked_matrix(np.zeros((3, 2)), "x", rows=3, columns=5)
    with pytest.raises(ValueError, match="a column for each of two or more classes"):
        checked_logits(np.zeros((3, 1)), "x")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="diverged gives NaN. Received: NaN or infinity in 1 of 3 rows, first 2"):
        checked_logits([[0, 0], [0, 0], [0, value]], "x")


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="one for each of the 3 rows. Received: shape=\\(2,\\)"):
        checked_labels([0, 1], 3, 2)
    with pytest.raises(ValueError, match="must be integers"):
        checked_labels([0.0, 1.0], 2, 2)
    with pytest.raises(ValueError, match="in 0..1, as the logits have 2 columns. Received: labels from 0 to 2"):
        checked_labels([0, 2], 2, 2)
    with pytest.raises(ValueError, match="labels from -1 to 1"):
        checked_labels([-1, 1], 2, 2)

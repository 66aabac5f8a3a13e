import numpy as np
import pytest

from tlkeras.ops import expected_calibration_error


def test_two_bins_by_hand():
    """Bin (0, .5] holds two predictions of confidence .5, one right; bin (.5, 1] three of .9, two of them right."""
    probabilities = np.array([[0.5, 0.3, 0.2]] * 2 + [[0.05, 0.9, 0.05]] * 3, "float32")
    labels = np.array([0, 1, 1, 1, 0])
    expected = 2 / 5 * abs(1 / 2 - 0.5) + 3 / 5 * abs(2 / 3 - 0.9)
    assert float(expected_calibration_error(probabilities, labels, bins=2)) == pytest.approx(expected, abs=1e-6)


def test_sure_and_wrong_is_1_and_sure_and_right_is_0():
    sure = np.eye(3, dtype="float32")
    assert float(expected_calibration_error(sure, np.array([0, 1, 2]))) == 0.0
    assert float(expected_calibration_error(sure, np.array([1, 2, 0]))) == 1.0


def test_a_confidence_on_the_edge_belongs_to_the_lower_bin():
    """.5 and .6 in one bin of (0, .6]... with two bins they are apart, and errors of opposite sign do not cancel."""
    probabilities = np.array([[0.5, 0.5], [0.6, 0.4]], "float32")
    expected = (abs(1 - 0.5) + abs(0 - 0.6)) / 2
    assert float(expected_calibration_error(probabilities, np.array([0, 1]), bins=2)) == pytest.approx(expected)

import time

import numpy as np
import pytest
from scipy import optimize, stats

from tlkeras.transferability import logme

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 3, 40)


def features(columns, signal=1.0):
    return RANDOM.normal(size=(40, columns)) + signal * RANDOM.normal(size=(3, columns))[LABELS]


def dense(matrix, labels):
    """The definition: the log density of the targets under the dense covariance, maximised over both precisions."""
    rows = len(matrix)

    def negative(logs, own):
        noise, weights = np.exp(-np.asarray(logs))
        covariance = noise * np.eye(rows) + weights * matrix @ matrix.T
        return -stats.multivariate_normal(np.zeros(rows), covariance, allow_singular=True).logpdf(own)

    scores = []
    for label in np.unique(labels):
        own = (labels == label).astype(float)
        starts = [(0, 0), (2, 2), (2, 6), (4, 0)]
        found = [optimize.minimize(negative, start, own, method="Nelder-Mead", tol=1e-10) for start in starts]
        scores.append(-min(result.fun for result in found) / rows)
    return np.mean(scores)


def fixed_point(matrix, labels):
    """The paper's iteration of alpha and beta, Algorithm 1, with dense matrices and no constant for stability."""
    rows, columns = matrix.shape
    scores = []
    for label in np.unique(labels):
        own, alpha, beta = (labels == label).astype(float), 1.0, 1.0
        for _ in range(300):
            precision = alpha * np.eye(columns) + beta * matrix.T @ matrix
            mean = beta * np.linalg.solve(precision, matrix.T @ own)
            strengths = np.linalg.eigvalsh(beta * matrix.T @ matrix)
            effective = (strengths / (alpha + strengths)).sum()
            misfit = ((matrix @ mean - own) ** 2).sum()
            last = beta / 2 * misfit + alpha / 2 * mean @ mean
            evidence = rows / 2 * np.log(beta) + columns / 2 * np.log(alpha) - rows / 2 * np.log(2 * np.pi) - last
            evidence -= np.linalg.slogdet(precision)[1] / 2
            alpha, beta = effective / (mean @ mean), (rows - effective) / misfit
        scores.append(evidence / rows)
    return np.mean(scores)


@pytest.mark.parametrize("columns", [1, 5, 30])
def test_it_is_the_evidence_of_the_definition_and_of_the_papers_iteration(columns):
    matrix = features(columns)
    assert logme(matrix, LABELS) == pytest.approx(dense(matrix, LABELS), abs=1e-6)
    assert logme(matrix, LABELS) == pytest.approx(fixed_point(matrix, LABELS), abs=1e-6)


def test_more_features_than_rows():
    matrix = features(60, signal=0.5)
    assert logme(matrix, LABELS) >= dense(matrix, LABELS) - 1e-6
    assert logme(matrix, LABELS) == pytest.approx(dense(matrix, LABELS), abs=1e-2)


def test_features_without_a_word_give_the_stated_least_value():
    shares = np.bincount(LABELS) / 40
    least = np.mean(np.log(1 / shares) - 1 - np.log(2 * np.pi)) / 2
    column = np.zeros((40, 1))
    for label in range(3):  # within each class half +1 and half -1: orthogonal to every target but for odd counts
        rows = np.flatnonzero(LABELS == label)
        column[rows[: len(rows) // 2 * 2], 0] = np.tile([1, -1], len(rows) // 2)
    assert logme(column, LABELS) == pytest.approx(least, abs=1e-6)
    assert logme(features(5), LABELS) > least


def test_neither_the_scale_nor_empty_classes_nor_constant_columns_matter():
    matrix = features(5)
    for scale in (1e-6, 1e6):
        assert logme(scale * matrix, LABELS) == pytest.approx(logme(matrix, LABELS), abs=1e-9)
    assert logme(matrix, LABELS * 7) == logme(matrix, LABELS)
    assert logme(np.c_[matrix, np.zeros(40)], LABELS) == pytest.approx(logme(matrix, LABELS), abs=1e-9)
    assert np.isfinite(logme(np.ones((40, 3)), LABELS))


def test_it_rises_with_the_signal_and_stays_finite_when_nothing_is_left_to_explain():
    noise, means = RANDOM.normal(size=(40, 6)), RANDOM.normal(size=(3, 6))
    scores = [logme(noise + signal * means[LABELS], LABELS) for signal in (0, 0.5, 1, 2, 4)]
    assert scores == sorted(scores)
    assert scores[-1] < logme(np.eye(3)[LABELS], LABELS) < 100


@pytest.mark.slow
def test_two_thousand_rows_take_seconds():
    start = time.perf_counter()
    logme(RANDOM.normal(size=(2000, 1280)), np.arange(2000) % 10)
    assert time.perf_counter() - start < 30


@pytest.mark.parametrize(
    ("matrix", "labels", "message"),
    [
        (np.zeros((4, 2)), [0, 1, 0, 1], "`features` must not be all 0"),
        (np.ones(4), [0, 1, 0, 1], "of shape \\(rows, columns\\).*Received: shape=\\(4,\\)"),
        (np.ones((0, 3)), [], "not empty"),
        (np.array([[1.0], [np.nan], [2], [3]]), [0, 1, 0, 1], "NaN or infinity in 1 rows, first 1"),
        (np.ones((4, 2)), [0, 1, 0], "one for each of the 4 rows. Received: shape=\\(3,\\)"),
        (np.ones((4, 2)), [0.0, 1, 0, 1], "must be integers.*float64"),
        (np.ones((4, 2)), [2, 2, 2, 2], "at least two classes. Received: \\[2\\]"),
    ],
)
def test_bad_input(matrix, labels, message):
    with pytest.raises(ValueError, match=message):
        logme(matrix, labels)

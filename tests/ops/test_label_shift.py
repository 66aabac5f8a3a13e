import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from sklearn.naive_bayes import GaussianNB

from tlkeras.ops import bbse, mlls, prior_corrected

RNG = np.random.default_rng(0)
SOURCE, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.05, 0.25, 0.7])


def rows(prior, count):
    labels = RNG.choice(3, count, p=prior)
    return RNG.normal(labels[:, None] * [1.0, 0.7], 0.6, (count, 2)), labels


def test_both_recover_the_shares_of_a_target_that_only_they_tell_from_the_source():
    (train, labels), (held, truth), (target, _) = rows(SOURCE, 4000), rows([1 / 3] * 3, 4000), rows(TARGET, 8000)
    model = GaussianNB().fit(train, labels)  # its model of the rows is the true one, so that it is calibrated
    found = bbse(confusion_matrix(truth, model.predict(held)), model.predict(target))
    np.testing.assert_allclose(found, TARGET, atol=0.03)
    found = mlls(model.predict_proba(target), model.class_prior_)
    np.testing.assert_allclose(found, TARGET, atol=0.03)


def test_bbse_by_hand():
    """9 of 10 and 8 of 10 are right: 0.75 = 0.9 q + 0.2 (1 - q), so q = 0.55 / 0.7."""
    np.testing.assert_allclose(bbse([[9, 1], [2, 8]], [0, 0, 0, 1]), [0.55 / 0.7, 0.15 / 0.7])
    np.testing.assert_allclose(bbse([[90, 10], [2, 8]], [0, 0, 0, 1]), [0.55 / 0.7, 0.15 / 0.7])


def test_a_class_that_is_never_predicted_on_the_target_gets_no_share_below_0():
    np.testing.assert_array_equal(bbse([[9, 1], [2, 8]], [0, 0, 0]), [1.0, 0.0])


def test_mlls_is_the_likeliest_prior():
    p = RNG.dirichlet([1.0, 2.0], 40)
    source = np.array([0.4, 0.6])
    grid = np.linspace(1e-4, 1 - 1e-4, 9999)
    likelihood = [np.log((p / source * [q, 1 - q]).sum(axis=1)).sum() for q in grid]
    np.testing.assert_allclose(mlls(p, source)[0], grid[np.argmax(likelihood)], atol=2e-4)


def test_the_corrected_predictions_are_those_of_a_classifier_with_the_other_prior():
    train, labels = rows(SOURCE, 500)
    before, after = (GaussianNB(priors=prior).fit(train, labels) for prior in (SOURCE, TARGET))
    received = prior_corrected(before.predict_proba(train), SOURCE, TARGET)
    np.testing.assert_allclose(received, after.predict_proba(train), rtol=1e-9)


def test_a_class_without_a_share_is_no_longer_predicted():
    received = prior_corrected([[0.7, 0.2, 0.1]], [1 / 3] * 3, [0.0, 0.5, 0.5])
    np.testing.assert_allclose(received, [[0.0, 2 / 3, 1 / 3]])
    with pytest.raises(ValueError, match="must leave every row a class.*Received: nothing left of row 1, .*class 0"):
        prior_corrected([[0.5, 0.5], [1.0, 0.0]], [0.5, 0.5], [0.0, 1.0])


@pytest.mark.parametrize(
    ("confusion", "predicted", "message"),
    [
        ([[3, 0, 1], [2, 0, 1], [0, 0, 4]], [0], r"invertible.*Received: never predicted \[1\]"),
        ([[3, 3], [2, 2]], [0], r"invertible.*Received: never predicted \[\]"),
        ([[3, 0], [0, 0]], [0], r"source rows of every class. Received: none of \[1\]"),
        ([[3, 0, 1], [0, 1, 1]], [0], r"\(classes, classes\). Received: shape=\(2, 3\)"),
        ([[3, -1], [1, 1]], [0], r"counts >= 0.*smallest -1"),
        ([[3, 1], [1, 3]], [[0.9, 0.1]], "argmax of probabilities. Received: shape="),
        ([[3, 1], [1, 3]], [0.0, 1.0], "argmax of probabilities. Received: .*dtype=float"),
        ([[3, 1], [1, 3]], [0, 2], r"must be in 0..1. Received: from 0 to 2"),
        ([[3, 1], [1, 3]], np.zeros(0, int), r"integers \(rows,\)"),
    ],
)
def test_what_bbse_cannot_solve_is_refused(confusion, predicted, message):
    with pytest.raises(ValueError, match=message):
        bbse(confusion, np.array(predicted))


@pytest.mark.parametrize("prior", [[1.0, 0.0], [0.5, 0.6], [0.2, 0.3, 0.5], [1.5, -0.5], [np.nan, 1.0]])
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(ValueError, match="`source_prior` must hold 2 numbers > 0 that sum to 1.*Received: source"):
        mlls([[0.5, 0.5]], prior)
    with pytest.raises(ValueError, match="`source_prior` must hold"):
        prior_corrected([[0.5, 0.5]], prior, [0.5, 0.5])


def test_logits_are_refused_as_probabilities():
    with pytest.raises(ValueError, match="apply a softmax to logits"):
        mlls([[2.0, -1.0]], [0.5, 0.5])
    with pytest.raises(ValueError, match=r"\(rows, classes\)"):
        mlls([0.5, 0.5], [0.5, 0.5])
    with pytest.raises(ValueError, match="`target_prior` must hold 2 numbers >= 0"):
        prior_corrected([[0.5, 0.5]], [0.5, 0.5], [-0.5, 1.5])

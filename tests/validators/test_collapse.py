import numpy as np
import pytest

from tlkeras.validators import collapse, rankme

RANDOM = np.random.default_rng(0)
TWO = [0.5, 0.5] + [0.0] * 8


def logits(counts):
    """Certain predictions, so many of each of ten classes."""
    return 9.0 * np.eye(10)[np.repeat(np.arange(len(counts)), counts)]


def test_a_healthy_model_gives_no_reason():
    features = np.maximum(RANDOM.normal(size=(200, 16)), 0) + 2 * np.eye(16)[np.repeat(np.arange(10), 20)]
    assert collapse(logits([20] * 10), features) == ()
    assert collapse(logits([20] * 10), features, prior=[0.1] * 10) == ()
    assert collapse(logits([60, 40, 30, 20, 20, 10, 10, 10])) == ()


def test_few_classes():
    assert collapse(logits([50] * 4)) == ("predicts 4 of 10 expected classes",)
    assert collapse(logits([40] * 5)) == ()
    stray = logits([49, 49, 49, 49, 1, 1, 1, 1])  # half a percent is no class
    assert collapse(stray) == ("predicts 4 of 10 expected classes",)


def test_few_rows_cannot_show_many_classes():
    assert collapse(9.0 * np.eye(345)[RANDOM.integers(0, 345, 60)], prior=np.full(345, 1 / 345)) == ()


def test_one_class():
    [few, one] = collapse(logits([197, 1, 1, 1]))
    assert few == "predicts 1 of 10 expected classes"
    assert one == "98.5 % of the rows are predicted as class 0, where 10.0 % are expected"
    assert collapse(np.eye(2)[[0] * 94 + [1] * 6]) == ()
    assert len(collapse(np.eye(2)[[0] * 96 + [1] * 4])) == 1


def test_a_prior_describes_a_target_of_two_classes():
    two = logits([110, 90])
    features = np.outer(np.where(np.arange(200) < 110, 1.0, -1.0), np.ones(8)) + 1e-3 * RANDOM.normal(size=(200, 8))
    assert collapse(two) == ("predicts 2 of 10 expected classes",)
    assert collapse(two, prior=TWO) == ()
    assert collapse(two, features, prior=TWO) == ()  # a line through 0 holds two classes
    assert collapse(logits([98, 2]), prior=[0.97, 0.03] + [0] * 8) == ()
    assert len(collapse(logits([200]), prior=TWO)) == 2


def test_one_direction_of_the_features():
    features = 1 + 1e-3 * RANDOM.normal(size=(200, 16))
    [reason] = collapse(logits([20] * 10), features)
    assert reason == f"effective rank of the 16 features is {rankme(features):.2f}"
    assert rankme(features) < 1.1
    assert collapse(logits([20] * 10), np.zeros((200, 16))) == ("effective rank of the 16 features is 0.00",)
    assert collapse(logits([20] * 10), np.ones((200, 1))) == ()


def test_far_from_the_prior():
    even = logits([20] * 10)
    [reason] = collapse(even, prior=TWO)
    assert reason == "predicted classes are 0.80 from the prior in total variation, by chance 0.04"
    [few, far] = collapse(logits([0, 0, 100, 100]), prior=TWO)
    assert few == "predicts 0 of 2 expected classes"
    assert far.startswith("predicted classes are 1.00 from the prior")
    assert collapse(even, prior=[0.28, 0.28, 0.08, 0.06, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]) == ()


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_of_the_prior_is_never_far_from_it(seed):
    random = np.random.default_rng(seed)
    for classes, rows in ((2, 30), (10, 30), (65, 100), (345, 300)):
        prior = random.dirichlet(np.ones(classes))
        drawn = random.choice(classes, rows, p=prior)
        assert collapse(np.eye(classes)[drawn], prior=prior) == ()


def test_divergence_is_a_reason_and_no_error():
    bad = logits([20] * 10)
    bad[3:5, 0] = np.nan
    features = np.full((200, 4), np.inf)
    assert collapse(bad) == ("diverged: `target_logits` is not finite in 2 of 200 rows",)
    assert collapse(bad, features)[1] == "diverged: `target_features` is not finite in 200 of 200 rows"


def test_bad_input():
    with pytest.raises(ValueError, match="at least one row"):
        collapse(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="`target_features` must have 4 rows"):
        collapse(np.eye(4), np.zeros((3, 2)))
    for prior in ([0.5, 0.5], [0.5] * 4, [1.5, -0.5, 0, 0], [np.nan] * 4):
        with pytest.raises(ValueError, match="`prior` must be the shares of the 4 classes"):
            collapse(np.eye(4), prior=prior)

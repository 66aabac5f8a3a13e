import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from tlkeras.validators import proxy_a_distance
from tlkeras.validators.a_distance import distance_of_scores, domain_scores


def rows(count, mean, seed):
    return np.random.default_rng(seed).normal(mean, 1.0, (count, 3))


def test_its_ends():
    assert proxy_a_distance(rows(200, 0.0, 0), rows(200, 50.0, 1)) == 2.0
    equal = [proxy_a_distance(rows(400, 0.0, seed), rows(400, 0.0, seed + 10)) for seed in range(5)]
    assert np.median(equal) < 0.15  # an error of 0.5 is known to within 0.02, which is 0.08 here
    assert proxy_a_distance(np.ones((10, 2)), np.ones((10, 2))) == 0.0


def test_an_error_above_a_half_counts_as_a_half():
    features = rows(50, 0.0, 0)
    assert proxy_a_distance(features, features) == 0.0


def test_it_grows_with_the_distance_to_twice_what_the_best_boundary_gets_right():
    """Means 1 apart in each of 3 directions: the best boundary errs on the normal tail at sqrt(3) / 2, 19.3 %."""
    near, far = (proxy_a_distance(rows(1000, 0.0, 0), rows(1000, mean, 1)) for mean in (0.3, 1.0))
    assert near < far == pytest.approx(2 * (1 - 2 * 0.1932), abs=0.1)


def test_the_error_is_the_mean_of_both_domains():
    """A tenth of the target is taken for source, and half of the source for target."""
    target = np.r_[np.full(900, -1.0), np.full(100, 1.0)]
    assert distance_of_scores([1.0, -1.0], target) == pytest.approx(2 * (1 - 2 * 0.3))
    assert distance_of_scores([0.0, 0.0], [-1.0]) == 0.0


def test_unequal_sizes_do_not_move_the_boundary():
    source, target = domain_scores(rows(1000, 0.0, 0), rows(50, 1.0, 1))
    assert np.mean(source > 0) == pytest.approx(0.8, abs=0.06) and np.mean(target < 0) == pytest.approx(0.8, abs=0.12)


def test_every_row_is_scored_by_a_classifier_that_has_not_seen_it():
    source, target = rows(15, 0.0, 0), rows(10, 0.5, 1)
    both, of_source = np.concatenate([source, target]), np.arange(25) < 15
    expected = np.empty(25)
    for train, test in StratifiedKFold(5, shuffle=True, random_state=3).split(both, of_source):
        scaler = StandardScaler().fit(both[train])
        classifier = LogisticRegression(C=0.01, class_weight="balanced").fit(
            scaler.transform(both[train]), of_source[train]
        )
        expected[test] = classifier.decision_function(scaler.transform(both[test]))
    np.testing.assert_allclose(np.concatenate(domain_scores(source, target, seed=3)), expected, atol=1e-4)


def test_a_sample_of_the_rows_is_looked_at():
    source, target = rows(300, 0.0, 0), rows(200, 1.0, 1)
    found = [proxy_a_distance(source, target, rows=40, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    drawn = [x[np.random.default_rng((0, side)).permutation(len(x))[:40]] for side, x in enumerate((source, target))]
    assert found[0] == distance_of_scores(*domain_scores(*drawn))


def test_bad_input():
    with pytest.raises(ValueError, match="`target_features` must have at least 5 rows. Received: 4"):
        proxy_a_distance(rows(9, 0, 0), rows(4, 0, 0))
    with pytest.raises(ValueError, match="`target_features` must have 3 columns"):
        proxy_a_distance(rows(9, 0, 0), np.ones((9, 2)))
    with pytest.raises(ValueError, match="`source_features` must be finite"):
        proxy_a_distance(np.full((9, 3), np.nan), rows(9, 0, 0))

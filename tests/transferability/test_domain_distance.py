import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tlkeras.ops import mmd
from tlkeras.transferability import domain_distance
from tlkeras.validators.a_distance import distance_of_scores, domain_scores


def test_its_parts_are_those_of_the_same_scores():
    random = np.random.default_rng(0)
    source, target = random.normal(size=(60, 4)), random.normal(0.5, 1, (40, 4))
    found = domain_distance(source, target, permutations=99)
    assert found.rows == (60, 40)
    scores = domain_scores(  # the rows are looked at in the order drawn
        source[np.random.default_rng((0, 0)).permutation(60)], target[np.random.default_rng((0, 1)).permutation(40)]
    )
    assert found.auc.value == pytest.approx(roc_auc_score(np.repeat([1, 0], [60, 40]), np.concatenate(scores)))
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.proxy_a_distance == pytest.approx(distance_of_scores(*scores))
    expected = mmd(*(keras.ops.convert_to_tensor(x, dtype="float32") for x in (source, target)))
    assert found.mmd.statistic == pytest.approx(float(expected), rel=1e-3)


def test_a_sample_of_each_domain_is_compared_and_a_seed_repeats():
    random = np.random.default_rng(0)
    source, target = random.normal(size=(300, 4)), random.normal(3, 1, (200, 4))
    found = [domain_distance(source, target, rows=50, permutations=19, seed=seed) for seed in (0, 0, 1)]
    assert found[0].rows == (50, 50) and found[0] == found[1] != found[2]
    assert found[0].mmd.p_value == 0.05 and found[0].auc.value > 0.95


def test_rows_that_belong_together_by_their_index_are_not_drawn_together():
    rows = np.arange(1000.0)[:, None]
    both = [np.random.default_rng((0, side)).permutation(1000)[:100] for side in (0, 1)]
    assert len(set(both[0]) & set(both[1])) < 30
    assert domain_distance(rows, rows + 0.1, rows=100, permutations=9).auc.value == pytest.approx(0.5, abs=0.15)


def test_bad_input():
    with pytest.raises(ValueError, match="`source_features` must be finite"):
        domain_distance(np.full((9, 2), np.inf), np.ones((9, 2)))
    with pytest.raises(ValueError, match="`target_features` must have at least 5 rows. Received: 3"):
        domain_distance(np.ones((9, 2)), np.ones((3, 2)))

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from tlkeras.tuning.plan import Plan
from tlkeras.tuning.pruner import Pruner
from tlkeras.tuning.space import Float

PLAN = Plan({"x": Float(0, 1)}, tuner="optuna", epochs=8)  # a quarter of which are two
HEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.9)  # whose median is 0.3


def ended(heights=HEIGHTS, state=TrialState.COMPLETE):
    """Returns trials whose curves rise by 1 an epoch from a height."""
    return [
        optuna.trial.create_trial(
            state=state, value=None if state == TrialState.FAIL else 7.0, params={"x": 0.5},
            distributions={"x": optuna.distributions.FloatDistribution(0, 1)},
            intermediate_values={epoch: height + epoch for epoch in range(8)},
        )
        for height in heights
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("curve", "verdict"),
    [
        ({0: 0.0}, ""),  # in the first quarter
        ({0: 0.0, 1: 0.0}, ""),
        ({0: 0.0, 1: 1.0, 2: 2.25}, "pruned after epoch 3: at best 2.25, where the median is 2.3"),
        ({0: 0.0, 1: 1.0, 2: 2.35}, ""),
        ({0: 0.0, 1: 2.5, 2: 0.0}, ""),  # its best counts
        ({0: 0.0, 5: 5.0}, "pruned after epoch 6: at best 5, where the median is 5.3"),  # one that reports now and then
        ({9: 0.0}, ""),  # an epoch that no other had
    ],
)
def test_what_is_below_the_median_is_pruned(curve, verdict):
    pruner = Pruner(PLAN, ended())
    assert pruner(curve) == pruner.verdict == verdict


def test_four_whole_trials_are_too_few():
    others = ended(HEIGHTS[:4]) + ended(HEIGHTS, TrialState.FAIL) + ended(HEIGHTS, TrialState.PRUNED)
    assert Pruner(PLAN, others)({0: 0.0, 1: 0.0, 2: 0.0}) == ""


def test_the_median_is_that_of_numpy():
    heights = np.random.default_rng(0).uniform(size=8)
    verdict = Pruner(PLAN, ended(heights))({4: 4.0})
    assert verdict == f"pruned after epoch 5: at best 4, where the median is {np.median(heights) + 4:.4g}"

"""What Optuna tries next."""

import contextlib
import itertools
import math

import numpy as np
import optuna

from tlkeras.tuning.space import Choice, Float

DRAWS = 20  # of values that were tried already, before the rest is looked through


def propose(plan, ended):
    """Returns the values of the next trial, or None where all have been tried.

    They are a function of the seed, the number of the trial and what ended: a search that was killed tries the same.

    Args:
        plan: `Plan`.
        ended: The trials so far, as `optuna.trial.FrozenTrial`.

    Example:
        >>> from tlkeras.tuning import Int, Plan
        >>> propose(Plan({"x": Int(1, 2)}, tuner="optuna"), []) in ({"x": 1}, {"x": 2})
        True
    """
    tried = {tuple(trial.params[name] for name in plan.space) for trial in ended}
    counted = [_values(dimension) for dimension in plan.space.values()]
    finite = None not in counted
    if finite and len(tried) == math.prod(map(len, counted)):
        return None
    seed = int(np.random.SeedSequence([plan.seed, len(ended)]).generate_state(1)[0])
    study = in_memory(plan, ended, optuna.samplers.TPESampler(seed=seed))
    for _ in range(DRAWS):
        found = study.ask(distributions(plan)).params
        if not finite or tuple(found[name] for name in plan.space) not in tried:
            return {name: found[name] for name in plan.space}
    draw = np.random.default_rng(seed)
    shuffled = [[several[i] for i in draw.permutation(len(several))] for several in counted]
    untried = (found for found in itertools.product(*shuffled) if found not in tried)
    return dict(zip(plan.space, next(untried), strict=True))


def in_memory(plan, ended, sampler=None):
    """Returns a study of its own that holds some trials.

    Args:
        plan: `Plan`.
        ended: The trials.
        sampler: What proposes values, or None where nothing is asked for.
    """
    with quiet():
        study = optuna.create_study(directions=directions(plan), sampler=sampler)
        study.add_trials(ended)
    return study


def directions(plan) -> list:
    """Returns which way the score is better, and the cost where there is one."""
    return ["maximize", "minimize"] if plan.against else ["maximize"]


def distributions(plan) -> dict:
    """Returns the space in Optuna's words."""
    return {name: _distribution(dimension) for name, dimension in plan.space.items()}


@contextlib.contextmanager
def quiet():
    """Lets Optuna speak of errors only: what a user is to know is said by the search."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(dimension):
    if isinstance(dimension, Choice):
        return optuna.distributions.CategoricalDistribution(dimension.values)
    if isinstance(dimension, Float):
        return optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return optuna.distributions.IntDistribution(int(dimension.low), int(dimension.high))


def _values(dimension):
    """Returns the values of a dimension, or None where they cannot be counted."""
    if isinstance(dimension, Choice):
        return dimension.values
    return None if isinstance(dimension, Float) else range(int(dimension.low), int(dimension.high) + 1)

"""How far the features of two domains are apart."""

import dataclasses

from tlkeras.ops.auc import Interval, auc_interval
from tlkeras.ops.permutation import PermutationTest, mmd_permutation_test
from tlkeras.transferability.checks import checked_matrix
from tlkeras.validators.a_distance import ROWS, distance_of_scores, domain_scores, sampled


@dataclasses.dataclass(frozen=True)
class DomainDistance:
    """Two answers to one question: can a source row be told from a target row?

    Attributes:
        rows: Rows that were compared, of the source and of the target.
        auc: Probability that a linear classifier scores a source row above a target row, with its 95 % interval: 0.5
            where it cannot tell them apart.
        proxy_a_distance: `2 (1 - 2 error)` of the same classifier, in [0, 2].
        mmd: Squared maximum mean discrepancy and the p-value of its permutation test.
    """

    rows: tuple[int, int]
    auc: Interval
    proxy_a_distance: float
    mmd: PermutationTest


def domain_distance(source_features, target_features, *, rows=ROWS, permutations=999, seed=0) -> DomainDistance:
    """Measures how far two domains are apart, without labels and without training a network.

    Args:
        source_features: Array `(source rows, features)`, at least 5 rows.
        target_features: Array `(target rows, features)`, at least 5 rows.
        rows: Most rows of a domain that are compared, drawn without replacement.
        permutations: Of the test of MMD.
        seed: Integer >= 0, of the rows drawn, the folds and the permutations.

    Returns:
        `DomainDistance`.

    Raises:
        ValueError: If features are not finite, not of one width, or a domain has fewer than 5 rows.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(60, 3))
        >>> found = domain_distance(features, features + 10.0, permutations=99)
        >>> found.rows, found.auc.value, found.proxy_a_distance, found.mmd.p_value
        ((60, 60), 1.0, 2.0, 0.01)

    Reference:
        See `validators.proxy_a_distance`, `ops.auc_interval` and `ops.mmd_permutation_test`.
    """
    source, target = (
        sampled(checked_matrix(x, f"{name}_features"), rows, (seed, side))
        for side, (name, x) in enumerate({"source": source_features, "target": target_features}.items())
    )
    scores = domain_scores(source, target, seed=seed)
    return DomainDistance(
        rows=(len(source), len(target)),
        auc=auc_interval(*scores),
        proxy_a_distance=distance_of_scores(*scores),
        mmd=mmd_permutation_test(source, target, permutations=permutations, seed=seed),
    )

"""How far two domains are apart, what differs between them, and what to try first."""

import dataclasses

import numpy as np

from tlkeras.transferability.advice import Advice, advise
from tlkeras.transferability.checks import checked_labels, checked_matrix
from tlkeras.transferability.class_shares import ClassShares, class_shares, matched_rows
from tlkeras.transferability.domain_distance import DomainDistance, domain_distance
from tlkeras.validators.a_distance import FOLDS, ROWS

LEAST_TARGET = 20  # rows; the AUC of fewer is not known to within 0.13, not even where the domains are equal


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes:
        distance: `DomainDistance` of source and target.
        shares: `ClassShares`, or None where a class has fewer than 5 source rows.
        matched: `DomainDistance` of source rows drawn in the shares of MLLS and the target, or None where the shares
            did not move or fewer than 20 such rows are left.
        advice: `Advice`.
        class_names: Names of the classes, in the order of the shares.
        settings: `{"rows", "permutations", "seed"}`.
    """

    distance: DomainDistance
    shares: ClassShares | None
    matched: DomainDistance | None
    advice: Advice
    class_names: tuple
    settings: dict

    def as_dict(self) -> dict:
        """Returns plain data, for JSON."""
        plain = dataclasses.asdict(self)
        for distance in filter(None, (plain["distance"], plain["matched"])):
            distance |= {"auc": distance["auc"]._asdict(), "mmd": distance["mmd"]._asdict()}
        if plain["shares"]:
            plain["shares"]["perhaps_absent"] = [self.class_names[label] for label in self.shares.perhaps_absent]
        return plain


def diagnose(
    source_features, source_labels, target_features, *, class_names=None, permutations=999, seed=0
) -> Diagnosis:
    """Tells before any training how far two domains are apart, and which family of methods to try first.

    Three questions: can the domains be told apart (`domain_distance`); do the shares of the classes differ
    (`class_shares`); and if so, is that all (`domain_distance` once more, after source rows were drawn in the shares
    found for the target). At most 1,000 rows of a domain are looked at in each. The answer is a first guess from
    features of one backbone: it does not replace a comparison with source only.

    Args:
        source_features: Array `(source rows, features)`, at least 20 rows.
        source_labels: Integer labels `(source rows,)`, at least two classes.
        target_features: Array `(target rows, features)`, at least 20 rows.
        class_names: Names of the labels; by default their numbers.
        permutations: Of the tests of MMD.
        seed: Integer >= 0, of all that is drawn.

    Returns:
        `Diagnosis`.

    Raises:
        ValueError: If features are not finite or not of one width, a domain has fewer than 20 rows, or there are fewer
            than two classes.

    Example:
        >>> random = np.random.default_rng(0)
        >>> labels = np.arange(120) % 2
        >>> features = np.eye(2)[labels] + random.normal(0, 0.1, (120, 2))
        >>> diagnose(features[::3], labels[::3], features[1::3], permutations=99).advice.family
        'no adaptation'
    """
    source = checked_matrix(source_features, "source_features")
    target = checked_matrix(target_features, "target_features")
    labels = checked_labels(source_labels, len(source))
    for name, features in (("source_features", source), ("target_features", target)):
        if len(features) < LEAST_TARGET:
            raise ValueError(f"`{name}` must have at least {LEAST_TARGET} rows. Received: {len(features)}")
    names = tuple(class_names[label] if class_names else str(label) for label in np.unique(source_labels))
    settings = {"rows": ROWS, "permutations": permutations, "seed": seed}
    distance = domain_distance(source, target, permutations=permutations, seed=seed)
    shares = matched = None
    if np.bincount(labels).min() >= FOLDS:
        shares = class_shares(source, labels, target, seed=seed)
        rows = matched_rows(labels, shares.mlls, seed=seed)
        if shares.total_variation > shares.chance and len(rows) >= LEAST_TARGET:
            matched = domain_distance(source[rows], target, permutations=permutations, seed=seed)
    return Diagnosis(distance, shares, matched, advise(distance, shares, matched, names), names, settings)

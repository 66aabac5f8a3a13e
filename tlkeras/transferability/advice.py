"""Which family of methods to try first, from what is known before training."""

import dataclasses

# Random halves of one domain (PACS, Office-Caltech; 78 to 1,172 rows) have an AUC of 0.45 to 0.58; the nearest two
# domains there, one set of objects before two cameras, 0.75. See recipes/benchmarks/diagnosis.md.
NEAR_AUC = 0.6
# Above it hardly a row of one domain lies among rows of the other: no weights make them alike. Photographs, paintings
# and drawings (PACS) have 0.99 and more; rendered and handwritten digits 0.90.
FAR_AUC = 0.95
MOVED = 0.1  # total variation; shares that move less change hardly a prediction
LEVEL = 0.05  # of the test of MMD: shares that differ are a difference, so that without one there is nothing to correct
# Accuracy on held-out source rows. Of halves with other shares those of Office-Caltech (57 and 71 %) lost by the
# correction, those of PACS (84 % and more) gained.
WEAK = 0.75
FEW = 100  # target images; the AUC of so many is known to within 0.06 where the domains are near


@dataclasses.dataclass(frozen=True)
class Advice:
    """What to try first.

    Attributes:
        family: `"no adaptation"`, `"prior correction"`, `"class-aware or statistical adaptation"` or `"class-aware
            adaptation"`.
        first: What to do, a sentence or two.
        reasons: Sentences; warnings among them.
    """

    family: str
    first: str
    reasons: tuple[str, ...]


# Statistical alignment is not the first of the third family: in recipes/benchmarks/RESULTS.md (PACS) MCC has 78.8 and
# CORAL 66.4; from rendered to handwritten digits and back (pool.py there, weight 1, three seeds) MCC gained 17 and 15
# points, CORAL 0 and 3.
FIRST = {
    "no adaptation": "Train on the source as if it were the target: a head on frozen features, or `fine_tune`.",
    "prior correction": "Train on the source and correct the class shares: `surgery.prior_correction(model, source, "
    "target)` with those of MLLS.",
    "class-aware or statistical adaptation": "MCC (`adapt_images.py --method mcc`). Beside it what changes less and "
    "often gains less: CORAL or MMD (`--method coral`, `--method dan`), or weights for source images that look like "
    "the target's (`--method domain_weights`). Compare with source only.",
    "class-aware adaptation": "MCC or MDD (`adapt_images.py --method mcc`, `--method mdd`), with BatchNorm of each "
    "domain, as that recipe has it. Compare with source only.",
}
APART, OVERLAPPING = "class-aware adaptation", "class-aware or statistical adaptation"


def advise(distance, shares, matched, class_names) -> Advice:
    """Chooses the family of methods by fixed thresholds, and says why.

    Args:
        distance: `DomainDistance` of the domains.
        shares: `ClassShares`, or None where they were not estimated.
        matched: `DomainDistance` after source rows were drawn in the shares found for the target, or None.
        class_names: Names of the classes, in the order of the shares.

    Returns:
        `Advice`.

    Example:
        >>> features = np.random.default_rng(0).normal(size=(60, 3))
        >>> far = tlkeras.transferability.domain_distance(features, features + 10.0, permutations=99)
        >>> advise(far, None, None, ()).family
        'class-aware adaptation'
    """
    moved = shares is not None and shares.total_variation > max(shares.chance, MOVED)
    shifted = moved and distance.mmd.p_value <= LEVEL
    explained = shifted and matched is not None and is_near(matched)
    if explained:
        family = "prior correction"
    elif is_near(distance):
        family = "no adaptation"
    else:
        family = APART if distance.auc.value > FAR_AUC else OVERLAPPING
    reasons = [_of_distance(distance, family), _of_mmd(distance), _of_shares(shares, shifted, explained, matched)]
    absent = [class_names[label] for label in shares.perhaps_absent] if shifted else []
    if absent and family != "no adaptation":
        reasons.append(_of_absent(absent, explained))
    if explained and shares.accuracy < WEAK:
        reasons.append(
            f"The classifier behind the shares is right on {shares.accuracy:.0%} of held-out source rows only: a "
            "correction by rough shares may cost more than it gains. Estimate them again with your trained model."
        )
    if distance.rows[1] < FEW:
        reasons.append(
            f"Only {distance.rows[1]} target images were there: every figure is rough, and a method that adapts to so "
            "few may fit them alone. Collect more; they need no labels."
        )
    return Advice(family, FIRST[family], tuple(reasons))


def is_near(distance):
    """Returns whether a classifier tells hardly a source row from a target row, or not for certain.

    Args:
        distance: `DomainDistance`.
    """
    return distance.auc.value <= NEAR_AUC or distance.auc.low <= 0.5


def _of_distance(distance, family):
    found = f"A linear classifier tells source from target with AUC {distance.auc.value:.2f}"
    if family == APART:
        return f"{found}: the domains hardly overlap, and what aligns them must keep the classes apart."
    if family == OVERLAPPING:
        return f"{found}: the domains differ and overlap."
    return f"{found}" + (", as by chance." if is_near(distance) else ".")


def _of_mmd(distance):
    p = distance.mmd.p_value
    if p > LEVEL:
        return f"MMD finds no difference (p = {p:.3f})."
    small = ", although too small a one for the classifier" if is_near(distance) else ""
    return f"MMD finds a difference (p = {p:.3f}){small}."


def _of_shares(shares, shifted, explained, matched):
    if shares is None:
        return "The shares of the classes were not estimated: a class has too few source images."
    if not shifted:
        return "No shift of the class shares was found, or none to speak of."
    found = f"The class shares seem to move by {shares.total_variation:.2f} (total variation)"
    if explained:
        return (
            f"{found}, and source images drawn in the shares found look like the target (AUC "
            f"{matched.auc.value:.2f}): nothing else differs."
        )
    return (
        f"{found}, but that estimate takes for granted that nothing else differs, and something does: it is not to be "
        "relied on, and no prior is to be corrected by it."
    )


def _of_absent(names, explained):
    if explained:
        return (
            f"The target seems to lack {', '.join(names)}: the correction allows for it. DANN, CORAL, MMD or BatchNorm "
            "of each domain would push target images into these classes; if you adapt, then by IWAN or PADA."
        )
    return (
        f"Look whether the target has {', '.join(names)}: the classifier finds hardly any. If they are absent, adapt "
        "by IWAN or PADA (`--method iwan`, `--method pada`) and not by DANN or BatchNorm of each domain."
    )

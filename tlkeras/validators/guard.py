"""Whether an adapted model is to be trusted more than source only, by what can be seen without target labels."""

import dataclasses

import numpy as np
import scipy.special
import scipy.stats

from tlkeras.validators.a_distance import proxy_a_distance
from tlkeras.validators.collapse_of import collapse_of
from tlkeras.validators.source_accuracy import source_accuracy
from tlkeras.validators.weighted_guard import weighted_checks

RESAMPLES = 200
# On the digits and reviews of recipes/benchmarks/guarding.md anything from 1.75 to 2.25 refuses and keeps the same
# runs, and nearly all that lose above 2 points have less.
PRICE = 2.0
NO_SOURCE = 1 / 3  # of log(classes): source only hardly tells the classes apart and has little to lose
LEAST_KEPT = 0.5  # of the accuracy on the source: who forgets half of what was taught has learned another task


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the guard says.

    Attributes:
        trusted: Whether the adapted model is the one to use.
        reasons: Why, in sentences; the first says what decided.
        figures: The numbers behind them, ready for JSON.
    """

    trusted: bool
    reasons: tuple
    figures: dict


def guard(adapted, source_only, *, prior=None) -> Verdict:
    """Weighs an adapted model against the one trained on the source only.

    Information is `information_maximization`, the doubt of source only `1 - information / log(classes)`. The adapted
    model is trusted when

    - it has not collapsed,
    - its information is higher: the 95 % interval of the gain, over resampled target rows, lies above 0,
    - the share of the doubt that is gone is at least twice the share of the answers that changed; adaptation that
      harms changes much for little. This does not count where source only has less than a third of `log(classes)`,
    - it keeps half of the accuracy on the source rows, where there are such; held out or not, the same for both.

    Values and several labels have no information to gain that would tell whether they are right. There the adapted
    model is trusted when it has not collapsed and errs less on the source rows, weighted as they occur in the target:
    the 95 % interval of the gain lies above 0. `tlkeras.validators.weighted_guard` says what that assumes; where the
    domains hardly overlap nothing can be said, and the model is not trusted. Give it rows that were held out.

    The proxy A-distance of the features is told and decides nothing: an adversary that is too strong lowers it too.

    Args:
        adapted: `Evidence` of the adapted model.
        source_only: `Evidence` of the other, of the same rows in the same order.
        prior: Shares of the classes in the target, where they are known; see `collapse`.

    Returns:
        `Verdict`.

    Raises:
        ValueError: If the two are of different rows or classes.

    Example:
        >>> logits = np.eye(3)[[0, 1, 2] * 20]
        >>> verdict = guard(tlkeras.validators.Evidence(9 * logits), tlkeras.validators.Evidence(3 * logits))
        >>> verdict.trusted, verdict.reasons[1]
        (True, '... % of the doubt is gone, and 0 % of the answers changed.')
    """
    shapes = [np.shape(each.target_logits) for each in (adapted, source_only)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"`adapted` and `source_only` must be of the same target rows. Received: shapes {shapes}")
    if adapted.answers != source_only.answers:
        both = [each.answers for each in (adapted, source_only)]
        raise ValueError(f"`adapted` and `source_only` must answer alike. Received: {both}")
    collapsed = collapse_of(adapted, prior=prior)
    if collapsed and not np.isfinite(adapted.target_logits).all():
        return Verdict(False, (f"The adapted model has {collapsed[0]}.",), {"collapse": list(collapsed)})
    if adapted.answers == "classes":
        figures = {"collapse": list(collapsed), **_information(adapted.target_logits, source_only.target_logits)}
        checks = [_gained(figures), _price(figures)]
    else:
        checks, figures = weighted_checks(adapted, source_only)
        figures = {"collapse": list(collapsed), **figures}
    if collapsed:
        checks.insert(0, (False, f"The adapted model has collapsed: {'; '.join(collapsed)}."))
    both = source_only, adapted
    if adapted.answers == "classes" and all(each.source_labels is not None for each in both):
        before, after = (source_accuracy(each.source_logits, each.source_labels) for each in both)
        figures["source_accuracy"] = [before, after]
        told = f"Of the source rows {100 * after:.0f} % are right, by source only {100 * before:.0f} %."
        checks.append((after >= LEAST_KEPT * before, told))
    if all(each.source_features is not None and each.target_features is not None for each in both):
        before, after = (proxy_a_distance(each.source_features, each.target_features) for each in both)
        figures["a_distance"] = [before, after]
        checks.append((True, f"The proxy A-distance of the domains goes from {before:.2f} to {after:.2f}."))
    return Verdict(all(passed for passed, _ in checks), _sentences(checks), figures)


def _sentences(checks):
    """Returns what the checks say; those that failed come first."""
    return tuple(sentence for passed, sentence in sorted(checks, key=lambda check: check[0]))


def _information(adapted, source_only):
    """Returns the information before and after, the interval of its gain, and the share of the answers that changed."""
    both = [scipy.special.softmax(np.asarray(logits, "float64"), axis=1) for logits in (source_only, adapted)]
    entropies = [scipy.stats.entropy(probabilities, axis=1) for probabilities in both]

    def information(rows):
        return [
            scipy.stats.entropy(p[rows].mean(axis=0)) - h[rows].mean() for p, h in zip(both, entropies, strict=True)
        ]

    draw, rows = np.random.default_rng(0), np.arange(len(adapted))
    gains = [np.diff(information(draw.choice(rows, len(rows)))) for _ in range(RESAMPLES)]
    return {
        "information": [float(value) for value in information(rows)],
        "most_information": float(np.log(adapted.shape[1])),
        "gain": [float(edge) for edge in np.quantile(gains, [0.025, 0.975])],
        "changed": float(np.mean(adapted.argmax(axis=1) != source_only.argmax(axis=1))),
    }


def _gained(figures):
    before, after = figures["information"]
    low, high = figures["gain"]
    told = f"The information goes from {before:.2f} to {after:.2f} of {figures['most_information']:.2f} nats"
    return low > 0, f"{told}, a gain of {low:+.2f} to {high:+.2f}."


def _price(figures):
    (before, after), most = figures["information"], figures["most_information"]
    gone = (after - before) / max(most - before, 1e-6)
    told = f"{100 * gone:.0f} % of the doubt is gone, and {100 * figures['changed']:.0f} % of the answers changed."
    if before < NO_SOURCE * most:
        return True, f"{told} Source only hardly tells the classes apart, so that much had to change."
    return gone >= PRICE * figures["changed"], told

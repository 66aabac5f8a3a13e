"""The account of a diagnosis, for the terminal."""

import textwrap

import numpy as np

from tlkeras.report.tables import MISSING, Table, as_text

LONGEST = 20  # classes in the table
WIDTH = 100


def diagnosis_text(diagnosis) -> str:
    """Returns what `tlkeras.transferability.diagnose` found, in lines for the terminal.

    Args:
        diagnosis: `Diagnosis`.

    Example:
        >>> labels = np.arange(60) % 2
        >>> features = np.random.default_rng(0).normal(size=(60, 3))
        >>> found = tlkeras.transferability.diagnose(features, labels, features + 10.0, permutations=99)
        >>> [line for line in diagnosis_text(found).splitlines() if line.startswith("First")]
        ['First to try: class-aware adaptation']
    """
    settings, advice = diagnosis.settings, diagnosis.advice
    parts = [
        "\n".join(_distance(diagnosis.distance, settings["permutations"])),
        "\n".join(_shares(diagnosis)),
        f"First to try: {advice.family}\n{_wrapped(advice.first)}",
        "\n".join(_wrapped(f"- {reason}", indent="  ") for reason in advice.reasons),
        f"At most {settings['rows']:,} rows of a domain, drawn at random; 5 folds; seed {settings['seed']}.",
    ]
    return "\n\n".join(parts)


def _wrapped(text, indent=""):
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _distance(distance, permutations):
    auc, mmd = distance.auc, distance.mmd
    yield f"Compared {distance.rows[0]:,} source and {distance.rows[1]:,} target rows"
    yield f"  domain classifier  AUC {auc.value:.3f}, 95 % interval {auc.low:.3f} to {auc.high:.3f} (0.5: chance)"
    yield f"  proxy A-distance   {distance.proxy_a_distance:.2f} (0 to 2)"
    yield f"  MMD                {mmd.statistic:.4f}, p = {mmd.p_value:.3f} ({permutations} permutations)"


def _shares(diagnosis):
    shares, names = diagnosis.shares, diagnosis.class_names
    if shares is None:
        yield "Shares of the classes: not estimated"
        return
    yield "Shares of the classes in the target, if only they differ"
    order = np.sort(np.argsort(-np.abs(shares.mlls - shares.source), kind="stable")[:LONGEST])
    estimates = shares.source, shares.bbse, shares.mlls
    rows = [
        (names[label], *(MISSING if found is None else f"{found[label]:.3f}" for found in estimates)) for label in order
    ]
    yield as_text(Table(("class", "source", "BBSE", "MLLS"), rows))
    if len(names) > LONGEST:
        yield f"the {LONGEST} of {len(names)} classes that move most"
    yield (
        f"moved by {shares.total_variation:.3f} (total variation, MLLS), up to {shares.chance:.3f} by chance\n"
        f"the classifier behind them is right on {shares.accuracy:.0%} of held-out source rows"
    )
    if diagnosis.matched is not None:
        yield "\nWith source rows drawn in those shares"
        yield from list(_distance(diagnosis.matched, diagnosis.settings["permutations"]))

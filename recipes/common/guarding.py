"""Which model ships: the adapted one, unless the guard distrusts it."""

import numpy as np

from tlkeras import validators

ROWS = 1000  # of each domain that the guard looks at
SHIPS = ("guarded", "adapted", "source")


def look(model, source, target):
    """Returns what a model says of some rows of both domains, the same rows for every model.

    Args:
        model: Inference model.
        source: Inputs and labels.
        target: Inputs.
    """
    draw = np.random.default_rng(0)
    of_target, of_source = (draw.permutation(len(rows))[:ROWS] for rows in (target, source[1]))
    rows = source[0][of_source], np.asarray(source[1])[of_source]
    return validators.Probe(model, target[of_target], rows).evidence()


def guarded(looks, ship, *, prior=None):
    """Says whether the adapted model is to be trusted, and returns the row that ships and the guard's metrics.

    Args:
        looks: `{row: what `look` returned}`, source only first and the adapted model last.
        ship: `guarded`, or `adapted` or `source` whatever the guard says.
        prior: Shares that the classes are taken to have in the target, or None for even ones.
    """
    source_only, *_, adapted = looks
    verdict = validators.guard(looks[adapted], looks[source_only], prior=prior)
    trusted = verdict.trusted if ship == "guarded" else ship == "adapted"
    ships = adapted if trusted else source_only
    words = f"The guard {'trusts' if verdict.trusted else 'does not trust'} {adapted}; {ships} ships"
    words += "." if ship == "guarded" else f", as `--ship {ship}` says."
    print(f"\n{words}", *verdict.reasons, sep="\n  ")
    return ships, {"trusted": verdict.trusted, "words": [words, *verdict.reasons], "figures": verdict.figures}

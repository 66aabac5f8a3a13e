"""Class shares of the target, and what the predictions gain when they are corrected for them."""

import keras
import numpy as np
from sklearn.metrics import confusion_matrix

from tlkeras import ops, report, surgery

KEPT = 0.01  # of the source's shares mixed into those found: a class that is left nothing may still come


def class_shares(part, source, held, target, names):
    """Returns `{estimator: {"shares", "target_accuracy"}}` of a model that was trained on the source.

    Args:
        part: Model from inputs to logits.
        source: Labels of the rows that it was trained on.
        held: Inputs and labels of source rows that it was not trained on.
        target: Inputs, and labels that score, or None.
        names: Names of the classes.
    """
    prior = np.bincount(source, minlength=len(names)) / len(source)
    logits = part.predict(target[0], batch_size=512, verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    guesses = part.predict(held[0], batch_size=512, verbose=0).argmax(axis=1)
    confusion = confusion_matrix(held[1], guesses, labels=range(len(names)))
    found = {"source": _row(prior, logits, target[1], names)}
    if target[1] is not None:
        found["target"] = {"shares": _named(np.bincount(target[1], minlength=len(names)) / len(target[1]), names)}
    estimators = {
        "bbse": lambda: ops.bbse(confusion, logits.argmax(axis=1)),
        "mlls": lambda: ops.mlls(probabilities, prior),
    }
    for name, estimate in estimators.items():
        try:
            shares = mixed(estimate(), prior)
        except ValueError as error:  # of a classifier that never predicts a class there is nothing to solve
            found[name] = {"failed": str(error)}
        else:
            found[name] = _row(shares, logits + np.log(shares / prior), target[1], names)
    return found


def mixed(shares, prior):
    """Returns shares with a little of the source's in them."""
    return (1 - KEPT) * shares + KEPT * prior


def corrected(model, found, estimator, names):
    """Returns a model with the correction inside, or the model where no shares were found.

    Args:
        model: Whole model that ends in logits.
        found: What `class_shares` returned.
        estimator: `"bbse"` or `"mlls"`, or `"none"`.
        names: Names of the classes.
    """
    if "shares" not in found.get(estimator, {}):
        return model
    priors = [[found[key]["shares"][name] for name in names] for key in ("source", estimator)]
    return surgery.prior_correction(model, *priors)


def table(found):
    """Returns the table of what `class_shares` found.

    Args:
        found: What it returned.
    """
    rows = []
    for name, row in found.items():
        accuracy = {"accuracy": f"{100 * row['target_accuracy']:.1f} %"} if "target_accuracy" in row else {}
        shares = {label: f"{100 * share:.0f} %" for label, share in row.get("shares", {}).items()}
        rows.append({"shares": name, **shares, **accuracy})
    failed = [f"{name}: {row['failed']}" for name, row in found.items() if "failed" in row]
    note = "Source only, its predictions corrected for other class shares: as in the source (no correction), as bbse "
    note += "and mlls find them in the target without labels; in the row `target` what they are. It is right where "
    note += "the classes look the same in both places, and wrong under a covariate shift."
    return report.records_table(rows, " ".join([note, *failed]))


def _row(shares, logits, labels, names):
    scored = {} if labels is None else {"target_accuracy": float((logits.argmax(axis=1) == labels).mean())}
    return {"shares": _named(shares, names), **scored}


def _named(shares, names):
    return {name: float(share) for name, share in zip(names, shares, strict=True)}

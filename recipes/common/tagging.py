"""A kind of answer: a tag for each word."""


import keras
import numpy as np

from recipes.common.problems import PROBLEMS, Problem
from recipes.common.tag_corpus import TAGS
from tlkeras import report, validators
from tlkeras.transfer import SpanF1, TokenAccuracy


def span_f1(logits, labels):
    """Returns the F1 of the names that are found."""
    return _value(SpanF1(TAGS), logits, labels)


def token_accuracy(logits, labels):
    """Returns the share of the words that are tagged rightly."""
    return _value(TokenAccuracy(), logits, labels)


def _value(metric, logits, labels):
    metric.update_state(labels, logits)
    return float(metric.result())


def predicted_tags(logits, names):
    """Returns the information of the predictions, and `{tag: how many words have it}`."""
    rows = logits[(logits != 0).any(axis=-1)]
    counts = np.bincount(rows.argmax(axis=1), minlength=len(names))
    return {
        "score": validators.information_maximization(rows),
        "predicted": dict(zip(names, counts.tolist(), strict=True)),
    }


def confusions(logits, labels, names):
    """Returns the picture of the confusion matrix of the words."""
    known = labels >= 0
    figure = report.confusion_matrix(labels[known], logits[known].argmax(axis=1), class_names=list(names))
    return [("Confusion matrix of the words", report.Image(figure, alt="Confusions."))]


def shares(labels):
    """Returns the shares of the tags in labels: most words are in no name, and in chat as in news."""
    return np.bincount(labels[labels >= 0], minlength=len(TAGS)) / np.count_nonzero(labels >= 0)


TAGGING = Problem(
    measure="span_f1",
    best=max,
    loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1),
    metrics=lambda: [TokenAccuracy(), SpanF1(TAGS)],
    figure=span_f1,
    table=lambda rows: report.accuracy_table(rows, what="F1 of the names found"),
    pictures=confusions,
    validator="information_maximization",
    unlabelled=predicted_tags,
    score_name="information",
    unlabelled_note="Without labels: information is the entropy of the mean prediction of a word less the mean "
    "entropy, 0 to log(tags), higher is better; then how many target words have each tag.",
    prior=shares,
)
PROBLEMS[TAGGING.measure] = TAGGING

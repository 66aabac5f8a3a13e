"""Problems where any number of labels may apply to a row."""

import keras
import numpy as np

from recipes.common.problems import PROBLEMS, Problem
from tlkeras import report
from tlkeras.validators import label_information, source_f1


@keras.saving.register_keras_serializable("tlkeras")
class MeanF1(keras.metrics.F1Score):
    """Mean over the labels of their F1, threshold 1/2, of logits.

    Args:
        name: Name in the logs.
        dtype: As of every metric.
    """

    def __init__(self, name="mean_f1", dtype=None):
        super().__init__(average="macro", threshold=0.5, name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts a batch of labels and logits."""
        return super().update_state(keras.ops.cast(y_true, "float32"), keras.ops.sigmoid(y_pred), sample_weight)

    def get_config(self):
        """Returns the arguments."""
        return {"name": self.name, "dtype": self.dtype}


def predicted_labels(logits, names):
    """Returns the information of the predictions, and `{label: how many rows it is predicted for}`."""
    counts = (logits > 0).sum(axis=0).tolist()
    return {"score": label_information(logits), "predicted": dict(zip(names, counts, strict=True))}


def by_label(logits, labels, names):
    """Returns the table of precision, recall and F1 of each label."""
    return [("Labels", report.label_table(labels, logits > 0, names=list(names)))]


MULTI_LABEL = Problem(
    measure="mean_f1",
    best=max,
    loss=lambda: keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=lambda: [MeanF1()],
    figure=lambda logits, labels: source_f1(logits, np.asarray(labels)),
    table=lambda rows: report.figures_table(rows, what="Mean F1 over the labels", best="highest"),
    pictures=by_label,
    validator="label_information",
    unlabelled=predicted_labels,
    score_name="information",
    unlabelled_note="Without labels: information is the entropy of each label's mean prediction less the mean entropy, "
    "0 to log 2, the mean over the labels; then how many target rows each label is predicted for.",
    hold_out=True,
)
PROBLEMS[MULTI_LABEL.measure] = MULTI_LABEL

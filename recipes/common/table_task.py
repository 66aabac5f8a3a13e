"""Two groups of rows and a model of their columns: the task of `recipes/tabular_shift.py`."""

import numpy as np

from recipes.common.adaptation import head
from recipes.common.regression import regression_of
from recipes.common.task import Rows, Task
from tlkeras import backbones, export, surgery
from tlkeras.data import stratified_split

HELD_OUT = 0.2  # of the source, for the confusion matrix that tells the class shares of the target


class TableTask(Task):
    """Columns that are encoded once; what trains takes plain numbers. Labels are classes, or numbers.

    Args:
        source: `tlkeras.data.Table` with labels.
        target: `tlkeras.data.Table` read like it.

    Raises:
        ValueError: If a class of the source is too small to be held out of.
    """

    value_range = None

    def __init__(self, source, target):
        self.target, self.source, self.held = target, source, None
        if source.class_names:
            trained, held = stratified_split(source.labels, (1 - HELD_OUT, HELD_OUT), class_names=source.class_names)
            self.source, self.held = source.take(trained), source.take(held)
        else:
            self.problem = regression_of(source.labels)
        self.names, self.source_labels = source.class_names or (source.label,), self.source.labels
        self.test_labels = target.labels
        self.target_count = len(target)
        self.backbone = backbones.from_table(self.source)

    def whole(self, flags, way):
        """Returns a new model on columns; without a bottleneck it is linear."""
        if self.problem.classes:
            return head(self.backbone, len(self.names), way.bottleneck or None, flags.dropout)
        how = {"bottleneck": way.bottleneck or None, "dropout": flags.dropout}
        return surgery.regressor(self.backbone, targets=self.source_labels, **how)

    def cut(self, model, flags):
        """Returns the part above the encoded columns, and its inputs."""
        _, part = surgery.split(model, "encoded")
        source, target = self.encoded(self.source), self.encoded(self.target)
        return part, Rows(source, target, None if self.test_labels is None else target)

    def encoded(self, table):
        """Returns the rows of a table as numbers, `(rows, width)`."""
        return np.asarray(self.backbone.predict(table.inputs(), verbose=0, batch_size=512))

    def target_inputs(self, indices):
        """Returns some target rows as columns."""
        return self.target.inputs(indices)

    def on_device(self, model, folder):
        """Returns the part above the encoded columns; how they are encoded is written beside it."""
        below, part = surgery.split(model, "encoded")
        export.write_encoding(model, folder)
        return part, lambda inputs: below.predict(inputs, verbose=0)

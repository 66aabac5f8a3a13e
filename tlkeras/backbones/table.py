"""The columns of a table as one encoded vector."""

import keras
import numpy as np

from tlkeras.backbones.backbone import Backbone
from tlkeras.data.columns import missing_in
from tlkeras.layers.imputed_normalization import ImputedNormalization

ENCODED = "encoded"
RESERVED = -(2**31) + 1  # stands for unknown codes in Keras' vocabulary, where no code of a table may stand


def from_table(table, *, name="table") -> Backbone:
    """Makes a backbone of the columns of a table: a dict of columns in, one encoded vector out, nothing to train.

    The columns are those of a `keras.utils.FeatureSpace`, side by side in the order of their names: a number as
    `(x - mean) / deviation` with the median for a missing one and, where the table has missing ones, a column that
    tells; a category as one-hot, and a missing one as a category of its own, where the table has such. What the table
    lacks, a new category most of all, is all zeros: a weight for it would never have been trained. All statistics
    are those of this table, the source; a target without labels changes none of them.

    The model takes `Table.inputs()`, and its `.keras` file holds vocabularies and statistics. Its last layer is named
    `encoded`: cut there (`tlkeras.surgery.split(model, "encoded")`), what is above trains on plain numbers.

    Args:
        table: `tlkeras.data.Table` of the source.
        name: Name of the model.

    Returns:
        A `Backbone` from `{input: (batch, 1)}` to `(batch, width)`.

    Example:
        >>> people = tlkeras.data.table({"age": [30, None, 50], "job": ["cook", "cook", "baker"]})
        >>> backbone = from_table(people)
        >>> backbone.predict(people.inputs(), verbose=0).round(2).tolist()[1]
        [0.0, 1.0, 0.0, 0.0, 1.0]
    """
    space = keras.utils.FeatureSpace(
        {column: _feature(values, table.kinds[column], column) for column, values in table.columns.items()},
        output_mode="concat",
    )
    space.build_from_config({})  # its way to say that the layers have their statistics; it cannot impute
    scale = [number for column in sorted(table.columns) for number in _scale(table, column)]
    encoded = keras.layers.Rescaling(scale, name=ENCODED)(space.get_encoded_features())
    return Backbone(dict(space.get_inputs()), encoded, name=name)


def _feature(values, kind, column):
    if kind == "float":
        known = values[~missing_in(values)].astype("float64")
        fill, filled = float(np.median(known)), np.nan_to_num(values.astype("float64"), nan=np.median(known))
        layer = ImputedNormalization(
            filled.mean(), filled.std() or 1.0, fill, indicator=bool(missing_in(values).any()), name=f"{column}_number"
        )
        return keras.utils.FeatureSpace.feature("float32", layer, "float")
    vocabulary, name = sorted(set(values.tolist())), f"{column}_category"
    if kind == "string":
        layer = keras.layers.StringLookup(vocabulary=vocabulary, name=name)
        return keras.utils.FeatureSpace.feature("string", layer, "one_hot")
    layer = keras.layers.IntegerLookup(vocabulary=vocabulary, oov_token=RESERVED, name=name)
    return keras.utils.FeatureSpace.feature("int32", layer, "one_hot")


def _scale(table, column):
    """Returns the factors of a column's part of the vector: 0 for what stands for unknown categories, else 1."""
    values = table.columns[column]
    if table.kinds[column] == "float":
        return [1.0] * (1 + bool(missing_in(values).any()))
    return [0.0] + [1.0] * len(set(values.tolist()))

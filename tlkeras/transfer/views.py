"""What the model does to a batch of views before and after its forward pass."""

import keras

from tlkeras.transfer.batch import is_views


def by_view(values):
    """Returns labels or sample weights as `{view: values}`; a bare value belongs to `source`, None to no view."""
    if values is None:
        return {}
    return values if is_views(values) else {"source": values}


def joined(parts):
    """Returns structures of tensors concatenated along the rows."""
    if len(parts) == 1:
        return parts[0]
    return keras.tree.map_structure(lambda *tensors: keras.ops.concatenate(tensors, axis=0), *parts)


def rows_of(inputs):
    """Returns the number of rows of a structure of tensors, a tensor itself where it is not known."""
    return keras.ops.shape(keras.tree.flatten(inputs)[0])[0]


def split(views, joint):
    """Cuts the outputs of one joint forward pass back into views, and puts each view's input beside them.

    Args:
        views: `{view: inputs}` in the order in which they were concatenated.
        joint: `{part: tensor}` over all rows.

    Returns:
        `{view: {"input", part...}}`.
    """
    parts, start = {}, 0
    for view, inputs in views.items():
        stop = start + rows_of(inputs)
        sliced = keras.tree.map_structure(lambda tensor, a=start, b=stop: tensor[a:b], joint)
        parts[view] = {"input": inputs, **sliced}
        start = stop
    return parts


def supervised(labels, y_pred, weights):
    """Returns labels, outputs and sample weights of all labelled views as one batch.

    Args:
        labels: `{view: labels}`, not empty.
        y_pred: `{view: {"output", ...}}`.
        weights: `{view: sample weights}`; a labelled view without any counts fully. Empty for no weights at all.

    Raises:
        ValueError: If a labelled view was not run.
    """
    absent = sorted(set(labels) - set(y_pred))
    if absent:
        raise ValueError(
            f"There are labels for views that were not run: {absent}. Give the inputs of a labelled view, and "
            f"a method that reads it unless it is `source`. Received: views {sorted(y_pred)}"
        )
    names = sorted(labels)
    all_labels = joined([labels[name] for name in names])
    outputs = joined([y_pred[name]["output"] for name in names])
    if not weights:
        return all_labels, outputs, None
    return all_labels, outputs, joined([weights.get(name, _ones_like_rows(labels[name])) for name in names])


def _ones_like_rows(labels):
    return keras.ops.ones((rows_of(labels),))


def check_widths(labels, outputs, kind):
    """Refuses labels of another width than the outputs, which most losses would repeat to fit, in silence.

    Args:
        labels: Labels of all labelled views, one tensor; anything else passes.
        outputs: Outputs of the model for these rows.
        kind: What the loss says of the outputs (`trained_as`): of values and labels each output needs a column, of
            anything else a single column may be an index of a class.

    Raises:
        ValueError: If the widths differ.
    """
    if not hasattr(labels, "shape") or not hasattr(outputs, "shape") or len(outputs.shape) != 2:
        return
    wanted = outputs.shape[-1]
    width = labels.shape[-1] if len(labels.shape) == 2 else 1
    if width != wanted and (width != 1 or kind is not None):
        raise ValueError(
            f"Labels must have a column for each of the {wanted} outputs of the model, (batch, {wanted}). "
            f"Received: labels of shape (batch{''.join(f', {size}' for size in labels.shape[1:])})"
        )


def nan_where_out_of_range(loss, labels, outputs, ignored):
    """Returns `loss`, or NaN when an integer label lies outside `0..classes-1` and is not the ignored class.

    No compiled backend raises for such a label; one of them drops the row in silence.
    """
    is_sparse = hasattr(labels, "dtype") and "int" in keras.backend.standardize_dtype(labels.dtype)
    if not is_sparse or len(outputs.shape) < 2 or len(labels.shape) == len(outputs.shape) or outputs.shape[-1] == 1:
        return loss
    valid = keras.ops.logical_and(labels >= 0, labels < outputs.shape[-1])
    if ignored is not None:
        valid = keras.ops.logical_or(valid, labels == ignored)
    return keras.ops.where(keras.ops.all(valid), loss, keras.ops.full_like(loss, float("nan")))

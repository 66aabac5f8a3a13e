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
        labels: `{view: labels}`, not empty; of a model with several named outputs `{view: {output: labels}}`.
        y_pred: `{view: {"output", ...}}`.
        weights: `{view: sample weights (batch,)}`, or `{view: {output: weights}}`; a labelled view without any counts
            fully. Empty for no weights at all.

    Returns:
        `(labels, outputs, weights)`; the weights have the rank of the losses that they multiply: Keras would spread
        those of the rows of a batch over the last axis of a map.

    Raises:
        ValueError: If a labelled view was not run, or its labels are not of the model's outputs.
    """
    absent = sorted(set(labels) - set(y_pred))
    if absent:
        raise ValueError(
            f"There are labels for views that were not run: {absent}. Give the inputs of a labelled view, and "
            f"a method that reads it unless it is `source`. Received: views {sorted(y_pred)}"
        )
    names = sorted(labels)
    for name in names:
        _check_outputs(name, labels[name], y_pred[name]["output"])
    all_labels = joined([labels[name] for name in names])
    outputs = joined([y_pred[name]["output"] for name in names])
    if not weights:
        return all_labels, outputs, None
    parts = [_of_losses(weights.get(name), y_pred[name]["output"]) for name in names]
    return all_labels, outputs, joined(parts)


def multiplied(weights, factors):
    """Returns sample weights times factors, each a tensor or one for each named output; None counts as 1."""
    if weights is None:
        return factors
    if isinstance(weights, dict) or isinstance(factors, dict):
        names = weights if isinstance(weights, dict) else factors
        of = [[part.get(name) if isinstance(part, dict) else part for part in (weights, factors)] for name in names]
        return {name: multiplied(*pair) for name, pair in zip(names, of, strict=True)}
    return weights if factors is None else keras.ops.cast(weights, factors.dtype) * factors  # NumPy's are float64


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


def by_output(labels, outputs, losses):
    """Returns `[(labels, output, loss)]`, one for each named output, or one of a model with a single output.

    Args:
        labels: Tensor, or `{output: tensor}`.
        outputs: Tensor, or `{output: tensor}`.
        losses: What the model was compiled with: a loss, or `{output: loss}`.
    """
    if not isinstance(outputs, dict):
        return [(labels, outputs, losses)]
    of = [losses.get(name) if isinstance(losses, dict) else losses for name in outputs]
    return [(labels[name], output, loss) for (name, output), loss in zip(outputs.items(), of, strict=True)]


def _check_outputs(view, labels, outputs):
    if not isinstance(outputs, dict):
        return
    found = sorted(labels) if isinstance(labels, dict) else type(labels).__name__
    if found != sorted(outputs):
        raise ValueError(
            f"The labels of view `{view}` must be a dict with all outputs of the model, {sorted(outputs)}; a row "
            f"without a label is marked (`tlkeras.transfer.MaskedLoss`). Received: {found}"
        )


def _of_losses(weights, outputs):
    """Returns the weights of one view in the structure of the outputs and the ranks of their losses."""
    if isinstance(outputs, dict):
        named = weights if isinstance(weights, dict) else dict.fromkeys(outputs, weights)
        return {name: _of_losses(named.get(name), output) for name, output in outputs.items()}
    rank = len(outputs.shape) - 1  # a loss gives one number for each vector of the last axis
    weights = keras.ops.convert_to_tensor(1.0 if weights is None else weights, "float32")
    if len(weights.shape) == 0:
        return weights * keras.ops.ones((rows_of(outputs), *(1,) * (rank - 1)))
    return keras.ops.reshape(weights, (*keras.ops.shape(weights), *(1,) * (rank - len(weights.shape))))


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

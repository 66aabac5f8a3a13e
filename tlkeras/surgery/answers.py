"""What a model's outputs are: classes, labels or values, told by the name of its last layer."""

import keras

LOGITS, LABEL_LOGITS, VALUES, STANDARDIZED = "logits", "label_logits", "values", "standardized"
KINDS = {"classes": "one of several classes", "labels": "any number of labels", "values": "numbers"}
OF_LAYERS = {LOGITS: "classes", LABEL_LOGITS: "labels", VALUES: "values"}
ON_DIFFERENCES = (
    "standardizederror", "meansquarederror", "meanabsoluteerror", "meanabsolutepercentageerror",
    "meansquaredlogarithmicerror", "huber", "logcosh",
)  # fmt: skip


def answers_of(model):
    """Returns what a model answers, told by the names that the heads give their last layers.

    Args:
        model: A `keras.Model`.

    Returns:
        `"classes"` where there is a layer `logits`, `"labels"` for `label_logits`, `"values"` for `values`; None where
        there is none of them, or more than one, or the model has several outputs.

    Example:
        >>> inputs = keras.Input((4,))
        >>> answers_of(keras.Model(inputs, keras.layers.Dense(3, name="label_logits")(inputs)))
        'labels'
    """
    found = {OF_LAYERS[layer.name] for layer in getattr(model, "layers", ()) if layer.name in OF_LAYERS}
    several = len(getattr(model, "outputs", None) or ()) > 1
    return None if several or len(found) != 1 else found.pop()


def trained_as(loss, width):
    """Returns what a loss says of a model's outputs.

    Args:
        loss: What `compile` took: a name, a function or a `keras.losses.Loss`; anything else says nothing.
        width: Size of the last axis of the outputs.

    Returns:
        `"values"` for a loss on differences, `"labels"` for binary cross entropy on two outputs or more, else None.

    Example:
        >>> trained_as("mse", 3), trained_as(keras.losses.SparseCategoricalCrossentropy(), 3)
        ('values', None)
    """
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    name = getattr(loss, "__name__", type(loss).__name__).replace("_", "").lower()  # `Huber` and `huber` alike
    if name in ON_DIFFERENCES:
        return "values"
    return "labels" if name == "binarycrossentropy" and (width or 0) > 1 else None

"""Other class proportions in a trained model."""

import keras
import numpy as np

from tlkeras.ops.label_shift import check_prior

NAME = "prior_correction"


def prior_correction(model, source_prior, target_prior) -> keras.Model:
    """Adds `log(target_prior / source_prior)` to the logits of a model, so that the correction is exported with it.

    The softmax of the new logits is `ops.prior_corrected` of the softmax of the old ones. The layer that adds is Keras'
    own `Rescaling`; to undo the correction use the old model.

    Args:
        model: Functional `keras.Model` whose output is logits `(batch, classes)`, without a softmax.
        source_prior: `(classes,)`, the shares of the classes that the model was trained with.
        target_prior: `(classes,)`, their shares in the target, from `ops.bbse` or `ops.mlls`. Mix a little of the
            source prior into one with a zero, whose logarithm is not finite.

    Returns:
        A new `keras.Model` that shares the layers and weights of `model`. Compile it anew.

    Raises:
        ValueError: If the model is not functional, its output is not `(batch, classes)` logits or is corrected already,
            or a prior has a zero or does not sum to 1.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(inputs))
        >>> corrected = prior_correction(model, [0.5, 0.5], [0.9, 0.1])
        >>> [round(number, 3) for number in corrected.layers[-1].offset]
        [0.588, -1.609]

    Reference:
        Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities, 2002
    """
    if not isinstance(getattr(model, "inputs", None), list):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    shape = tuple(getattr(model.output, "shape", ()))
    if len(shape) != 2 or shape[1] is None or shape[1] < 2:
        raise ValueError(f"`model` must give logits (batch, classes), at least 2. Received: output shape={shape}")
    last = model.output._keras_history.operation
    if last.name == NAME:
        raise ValueError(f"`model` is corrected already: correct the one it was made of. Received: model={model.name}")
    if isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax:
        raise ValueError(
            "`model` must give logits: the correction is added in front of the softmax. "
            f"Received: a softmax in its last layer `{last.name}`"
        )
    source = check_prior("source_prior", source_prior, shape[1])
    target = check_prior("target_prior", target_prior, shape[1])
    offset = np.log(target / source).tolist()
    shifted = keras.layers.Rescaling(1.0, offset, dtype=model.output.dtype, name=NAME)(model.output)
    return keras.Model(model.input, shifted, name=model.name)

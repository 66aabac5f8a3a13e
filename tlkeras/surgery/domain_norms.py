"""BatchNormalization for each domain, and the way back to a plain model."""

import keras

from tlkeras.layers.domain_norm import DomainBatchNormalization
from tlkeras.layers.hub_permission import permission_of
from tlkeras.surgery.norms import replaced


def domain_norms(model, *, shared_affine=False) -> keras.Model:
    """Replaces every BatchNormalization of a model by `DomainBatchNormalization`, both domains with its weights.

    Before training the new model gives what the old one gives. Train it in a `TransferModel` with a method that reads
    the target. A BatchNormalization that is frozen stays so, and keeps one set of statistics for both domains.

    Args:
        model: Functional `keras.Model` with BatchNormalization layers.
        shared_affine: Whether both domains have one scale and offset.

    Returns:
        A new `keras.Model` with weights of its own, the layers named as before.

    Raises:
        ValueError: If the model is not functional, has no BatchNormalization, has `DomainBatchNormalization` already,
            or holds a `HubLayer`, whose layers cannot be reached, or another layer with BatchNormalization inside.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(inputs))
        >>> type(domain_norms(model).get_layer("norm")).__name__
        'DomainBatchNormalization'

    Reference:
        Chang, You, Seo, Kwak, Han: Domain-Specific Batch Normalization for Unsupervised Domain Adaptation, 2019,
        https://arxiv.org/abs/1906.03950
    """

    def of_both(layer):
        if isinstance(layer, DomainBatchNormalization):
            raise ValueError(f"`model` must have ordinary BatchNormalization. Received: {layer.name} is of two domains")
        return DomainBatchNormalization.from_config({**layer.get_config(), "shared_affine": shared_affine})

    changed = replaced(model, of_both)
    _copy_weights(model, changed)
    return changed


def strip_domains(model, domain="target") -> keras.Model:
    """Makes a plain model for one domain of a model with `DomainBatchNormalization`.

    It gives what the model gives for that domain, by ordinary BatchNormalization: any exporter takes it, and its file
    loads without this package.

    Args:
        model: Functional `keras.Model` with `DomainBatchNormalization` layers.
        domain: `"target"` or `"source"`.

    Returns:
        A new `keras.Model` with weights of its own, the layers named as before.

    Raises:
        ValueError: If the model is not functional or has no `DomainBatchNormalization`, or `domain` is another.

    Example:
        >>> inputs = keras.Input((4,))
        >>> model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(inputs))
        >>> type(strip_domains(domain_norms(model)).get_layer("norm")).__name__
        'BatchNormalization'
    """
    if domain not in ("source", "target"):
        raise ValueError(f'`domain` must be "source" or "target". Received: domain={domain!r}')
    if not isinstance(getattr(model, "inputs", None), list):
        raise ValueError(f"`model` must be a functional `keras.Model`. Received: model={model!r}")
    if not _of_domains(model):
        raise ValueError(
            "`model` must have DomainBatchNormalization layers (`tlkeras.surgery.domain_norms`). "
            f"Received: layers {sorted({type(layer).__name__ for layer in model.layers})}"
        )

    def of_one(layer):
        config = layer.get_config()
        if not isinstance(layer, DomainBatchNormalization):
            return type(layer).from_config(config)
        del config["shared_affine"]
        return keras.layers.BatchNormalization.from_config(config)

    with permission_of(model):
        changed = keras.models.clone_model(model, clone_function=of_one, recursive=True)
    _copy_weights(model, changed, domain)
    return changed


def _of_domains(layer) -> bool:
    return any(isinstance(part, DomainBatchNormalization) for part in layer._flatten_layers())


def _copy_weights(model, changed, domain=None):
    for old, new in zip(model.layers, changed.layers, strict=True):
        if not _of_domains(old) and not _of_domains(new):
            new.set_weights(old.get_weights())
        elif isinstance(new, keras.Model):
            _copy_weights(old, new, domain)
        else:
            named = (
                {variable.name: variable for variable in old.weights} if domain is None else old.variables_of(domain)
            )
            for variable in new.weights:  # by way of NumPy: on JAX two variables would share what they are given
                variable.assign(keras.ops.convert_to_numpy(named[variable.name]))

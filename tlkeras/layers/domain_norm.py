"""Batch normalisation with statistics for each domain."""

import keras

from tlkeras.layers.view_scope import current_views


@keras.saving.register_keras_serializable("tlkeras")
class DomainBatchNormalization(keras.layers.BatchNormalization):
    """Normalises the rows of the source and of the target each by themselves, with weights of their own.

    `gamma_d (x - mean_d) / sqrt(var_d + epsilon) + beta_d` with `d` the domain of the row: in training the mean and the
    variance of the domain's rows in the batch, otherwise its moving averages.

    A `TransferModel` tells which rows belong to which view: those of `source`, `source_2` and so on are the source,
    all others the target. Plain inference is the target's. Put it into a model with `tlkeras.surgery.domain_norms`, and
    take one domain out with `tlkeras.surgery.strip_domains` before export.

    The inherited weights are the target's, those of the layer `source` the source's. Deviation from the paper: two
    domains; several sources share one set.

    Args:
        shared_affine: Whether both domains have one scale and offset. The paper's have their own.
        **kwargs: Arguments of `keras.layers.BatchNormalization`, for both.

    Raises:
        ValueError: When called in training outside a `TransferModel`, where no domain is known.

    Example:
        >>> layer = DomainBatchNormalization()
        >>> with tlkeras.layers.view_scope({"source": 2, "target": 3}):
        ...     tuple(layer(np.ones((5, 4)), training=True).shape)
        (5, 4)

    Reference:
        Chang, You, Seo, Kwak, Han: Domain-Specific Batch Normalization for Unsupervised Domain Adaptation, 2019,
        https://arxiv.org/abs/1906.03950
    """

    def __init__(self, *, shared_affine=False, **kwargs):
        super().__init__(**kwargs)
        self.shared_affine = shared_affine
        own = {} if not shared_affine else {"scale": False, "center": False}
        config = keras.layers.BatchNormalization.get_config(self)
        self.source = keras.layers.BatchNormalization.from_config({**config, "name": "source", **own})

    def build(self, input_shape):
        """Makes the weights of both domains."""
        super().build(input_shape)
        self.source.build(input_shape)

    def variables_of(self, domain) -> dict:
        """Returns `{name: variable}` of what normalises `"source"` or `"target"`."""
        source = {variable.name: variable for variable in self.source.weights}
        known = {id(variable) for variable in source.values()}
        target = {variable.name: variable for variable in self.weights if id(variable) not in known}
        return target if domain == "target" else {**target, **source}

    def call(self, inputs, training=None, mask=None):
        """Returns the normalised inputs."""
        rows = current_views()
        if rows is None:
            if training and self.trainable:
                raise ValueError(
                    "A DomainBatchNormalization trains in a `TransferModel`, which tells the domain of each row; a "
                    "model for one domain is made by `tlkeras.surgery.strip_domains`. "
                    f"Received: training=True without views, layer {self.name}"
                )
            return self._normalised("target", inputs, training, mask)
        domains = ["source" if view.startswith("source") else "target" for view in rows]
        if len(set(domains)) == 1:
            return self._normalised(domains[0], inputs, training, mask)
        parts = _cut(inputs, rows.values())
        masks = [None] * len(parts) if mask is None else _cut(mask, rows.values())
        outputs = dict.fromkeys(range(len(parts)))
        for domain in ("source", "target"):
            places = [place for place, of in enumerate(domains) if of == domain]
            together, masked = _joined([parts[i] for i in places]), _joined([masks[i] for i in places])
            normalised = self._normalised(domain, together, training, masked)
            sizes = [size for size, of in zip(rows.values(), domains, strict=True) if of == domain]
            outputs.update(zip(places, _cut(normalised, sizes), strict=True))
        return _joined(list(outputs.values()))

    def _normalised(self, domain, inputs, training, mask):
        if domain == "target":
            return super().call(inputs, training=training, mask=mask)
        outputs = self.source(inputs, training=training, mask=mask)
        if not self.shared_affine:
            return outputs
        shape = [1] * len(inputs.shape)
        shape[self.axis] = -1
        for variable, apply in ((self.gamma, keras.ops.multiply), (self.beta, keras.ops.add)):
            if variable is not None:
                outputs = apply(keras.ops.cast(outputs, variable.dtype), keras.ops.reshape(variable, shape))
        return keras.ops.cast(outputs, self.compute_dtype)

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "shared_affine": self.shared_affine}


def _cut(tensor, sizes):
    parts, start = [], 0
    for size in sizes:
        parts.append(tensor[start : start + size])
        start = start + size
    return parts


def _joined(parts):
    return parts[0] if len(parts) == 1 or parts[0] is None else keras.ops.concatenate(parts, axis=0)

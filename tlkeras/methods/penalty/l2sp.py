"""L2-SP: weight decay towards the pretrained weights."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.surgery.copies import assign_values
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class L2SP(Method):
    """Pulls the pretrained weights back to their starting point, and the new ones to zero.

    `alpha / 2 ||w - w0||^2 + beta / 2 ||v||^2` with `w` the weights up to the tapped layer, `w0` their values when
    the `TransferModel` was made, `v` the weights above.

    As in the authors' code, only weights of two and more axes count: biases and the scales and offsets of
    normalisation layers are left alone. Frozen weights count nothing, and may be unfrozen later: `w0` holds them all.
    It is saved with the method, so that a resumed run keeps its starting point; a `TransferModel` made anew takes the
    weights it finds. Use no other weight decay beside it.

    Args:
        alpha: Strength on the pretrained weights, a number >= 0. The paper chooses both strengths by validation; the
            defaults are those of tllib.
        beta: Strength on the weights above, a number >= 0.
        weight: Factor on the whole term, a number >= 0 or a schedule.
        tap: Last pretrained layer; `features` by default.
        name: Name in the logs.

    Views:
        source: must be there; none of it is read.

    Returns:
        Scalar >= 0. At the start it is `beta / 2 ||v||^2`.

    Raises:
        ValueError: If `alpha` or `beta` is not a number >= 0, or the model has no layer `features` and `tap` names
            none.

    Example:
        >>> L2SP(alpha=0.1).name
        'l2sp'

    Reference:
        Li, Grandvalet, Davoine: Explicit Inductive Bias for Transfer Learning with Convolutional Networks, 2018,
        https://arxiv.org/abs/1802.01483
    """

    views = ("source",)
    default_taps = ("features",)

    def __init__(self, *, alpha=0.01, beta=0.01, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        for argument, value in (("alpha", alpha), ("beta", beta)):
            if not isinstance(value, int | float) or value < 0:
                raise ValueError(f"`{argument}` must be a number >= 0. Received: {argument}={value!r}")
        self.alpha = alpha
        self.beta = beta

    def bind(self, model):
        """Keeps the starting point of the pretrained weights."""
        lower = keras.Model(model.input, output_of(model, self.tap)).weights
        pretrained, above = _matrices(lower), _matrices(model.weights, but=lower)
        with keras.name_scope(self.name):
            start = [
                self.add_weight(name=f"start_{index}", shape=variable.shape, initializer="zeros", trainable=False)
                for index, variable in enumerate(pretrained)
            ]
        assign_values(start, pretrained)
        # A function hides the model's variables from Keras, which would count them as the method's own.
        self._groups = lambda: (model, list(zip(pretrained, start, strict=True)), above)

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        model, pretrained, above = self._groups()
        trained = {id(variable) for variable in model.trainable_variables}
        moved = [variable - start for variable, start in pretrained if id(variable) in trained]
        new = [keras.ops.convert_to_tensor(variable) for variable in above if id(variable) in trained]
        return self.alpha * ops.half_squared_norm(moved) + self.beta * ops.half_squared_norm(new)

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta}


def _matrices(variables, but=()):
    skipped = {id(variable) for variable in but}
    return [variable for variable in variables if len(variable.shape) >= 2 and id(variable) not in skipped]

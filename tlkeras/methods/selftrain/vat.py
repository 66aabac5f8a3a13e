"""Virtual adversarial training."""

import keras

from tlkeras import ops
from tlkeras.backbones.graph import output_of
from tlkeras.transfer.method import Method

PROBE = 0.1  # of the radius: how far the first, random step goes


@keras.saving.register_keras_serializable("tlkeras")
class VAT(Method):
    """Makes the prediction on each target row the same in a small ball around it, tested where it changes most.

    `mean_i KL(p(x_i) || p(x_i + r_i))`, `r_i = radius g_i / ||g_i||`, `g_i` the gradient of the same divergence at a
    random step of a tenth of the radius. Only `p(x_i + r_i)` carries a gradient. The borders between classes move out
    of the dense regions of the target.

    The method runs the model three times a step by itself, in inference mode: what it smooths is the model that
    ships, without dropout and with the moving statistics of BatchNorm, which it leaves alone.

    Deviations from the paper: the authors run it in training mode without an update of the statistics; their random
    step is 1e-6 long, which float32 cannot add to pixels of 0 to 255; the target alone, not the source too. The paper
    often adds entropy minimisation, `methods.Entropy`.

    Args:
        radius: Number > 0, the length of the change in units of the input: for images of 0 to 255 that is 255 times
            what it is for 0 to 1. The paper chooses it on labelled data, its largest are 8 to 10 on images.
        seed: Integer for the random steps, or None.
        weight: Factor on the term, a number >= 0 or a schedule; the paper uses 1.
        tap: Layer that holds the logits, `(batch, classes)`; `logits` by default.
        name: Name in the logs.

    Views:
        target: the input, of which there must be one, of floats. No labels are read.

    Returns:
        Scalar >= 0; 0 when no change that was tried changes a prediction.

    Raises:
        ValueError: If `radius` is not positive, the model has several inputs or one that is not of floats, the tapped
            layer is not of rank 2 or has fewer than 2 columns, or the model has no layer `logits` and `tap` names none.

    Example:
        >>> VAT(2.0, weight=0.5).name
        'vat'

    Reference:
        Miyato, Maeda, Koyama, Ishii: Virtual Adversarial Training: A Regularization Method for Supervised and
        Semi-Supervised Learning, 2018, https://arxiv.org/abs/1704.03976
    """

    answers = ("classes",)
    views = ("target",)
    default_taps = ("logits",)
    extra_forwards = 3

    def __init__(self, radius, *, seed=None, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if radius <= 0:
            raise ValueError(f"`radius` must be > 0. Received: radius={radius}")
        self.radius = radius
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def bind(self, model):
        """Keeps the model up to its logits, as a function: it is not copied."""
        if len(model.inputs) != 1 or "float" not in keras.backend.standardize_dtype(model.inputs[0].dtype):
            found = [(tensor.name, tensor.dtype) for tensor in model.inputs]
            raise ValueError(f"VAT changes the input: there must be one, of floats. Received: inputs {found}")
        ops.check_classes("logits", output_of(model, self.tap))
        self._run = keras.Model(model.inputs[0], output_of(model, self.tap)).__call__

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        rows = keras.ops.cast(batch.get("target", "input"), "float32")
        clean = keras.ops.stop_gradient(self._logits(rows))

        def divergence(change):
            return ops.distillation(self._logits(rows + change), clean, temperature=1.0)

        seed = self.seed_generator if training else 0
        start = PROBE * self.radius * ops.random_rows(rows, seed)
        return divergence(self.radius * ops.adversarial_direction(divergence, start))

    def _logits(self, rows):
        return keras.ops.cast(self._run(rows, training=False), "float32")

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "radius": self.radius, "seed": self.seed}

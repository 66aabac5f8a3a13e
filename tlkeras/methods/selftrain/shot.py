"""SHOT: adaptation without the source data."""

import keras

from tlkeras import ops
from tlkeras.ops.moments import check_rank_2
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class SHOT(Method):
    """Moves the target features to where the frozen classifier of the source is certain, class by class.

    `mean H(p_i) - H(mean p) - beta mean log p_i[y_i]` with `p = softmax(logits)` and the pseudo-label `y_i` of the
    nearest class centroid by angle. Centroids are the features averaged with the weights `p`, then once more over the
    rows nearest to each of the first ones; a 1 is appended to every feature, as in the authors' code.

    No source data, no labels: freeze the classifier of the trained model and give the target as the only view.

    Deviations from the paper: the centroids are moving averages over the batches, not recomputed once an epoch, in
    weights of the method that are never exported; a class that no row came near to for some hundred steps gets no
    pseudo-labels until one does. Any model is taken, not only one trained with label smoothing and weight norm.

    The log `shot_largest_class`, the share of rows in the class predicted most, goes to 1 where they collapse.

    Args:
        beta: Number >= 0, the weight of the pseudo-labels; the paper uses 0.3, and 0.1 on digits.
        momentum: Share of a centroid that a step keeps, in [0, 1).
        weight: Factor on the term, a number >= 0 or a schedule.
        tap: Layer that the classifier reads, `(batch, features)`; `bottleneck` or `features` by default.
        name: Name in the logs.

    Views:
        target: the tapped layer and `logits`, `(batch, classes)`, before any softmax. No labels are read.

    Returns:
        Scalar >= -log classes, reached by one-hot predictions of equally frequent classes equal to the pseudo-labels.
        Under `tf.distribute` it is the mean over the replicas, each on its own batch.

    Raises:
        ValueError: If the model has no layer `logits` or it is not frozen, the tapped layer is not of rank 2, or an
            argument is out of range.

    Example:
        >>> inputs = keras.Input((4,))
        >>> features = keras.layers.Dense(8, name="features")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(features))  # trained on the source
        >>> model.get_layer("logits").trainable = False
        >>> transfer = tlkeras.TransferModel(model, [SHOT()])
        >>> transfer.compile(keras.optimizers.SGD(0.01))
        >>> history = transfer.fit({"target": np.ones((6, 4))}, verbose=0)
        >>> sorted(history.history)
        ['loss', 'shot', 'shot_largest_class']

    Reference:
        Liang, Hu, Feng: Do We Really Need to Access the Source Data? Source Hypothesis Transfer for Unsupervised Domain
        Adaptation, 2020, https://arxiv.org/abs/2002.08546
    """

    answers = ("classes",)
    views = ("target",)

    def __init__(self, *, beta=0.3, momentum=0.9, weight=1.0, tap=None, name=None):
        super().__init__(weight=weight, tap=tap, name=name)
        if beta < 0:
            raise ValueError(f"`beta` must be >= 0. Received: beta={beta}")
        if not 0 <= momentum < 1:
            raise ValueError(f"`momentum` must be in [0, 1). Received: momentum={momentum}")
        self.beta = beta
        self.momentum = momentum
        self.largest_class = keras.metrics.Mean(name=f"{self.name}_largest_class")

    @property
    def taps(self):
        """Names of the layers that `call` reads."""
        return (self.tap, "logits")

    def bind(self, model):
        """Refuses a classifier that would be trained."""
        if model.get_layer("logits").trainable:
            raise ValueError(
                "The layer `logits` must be frozen, it is all that is left of the source: set "
                '`model.get_layer("logits").trainable = False` first. Received: logits.trainable=True'
            )

    def build(self, batch_shape):
        """Makes the centroids, of which only the directions count."""
        features, logits = batch_shape.get("target", self.tap), batch_shape.get("target", "logits")
        check_rank_2(self.tap, keras.KerasTensor(features))
        ops.check_classes("logits", keras.KerasTensor(logits))
        shape = (logits[-1], features[-1] + 1)
        self.centroids, self.refined = (
            self.add_weight(name=name, shape=shape, initializer="zeros", trainable=False, aggregation="mean")
            for name in ("centroids", "refined")
        )

    def call(self, batch, training=None):
        """Returns the unweighted term, and in training moves the centroids."""
        logits = batch.get("target", "logits")
        probabilities = keras.ops.softmax(logits, axis=-1)
        labels = self._pseudo_labels(batch.get("target", self.tap), probabilities, training)
        self.largest_class.update_state(ops.largest_class_share(logits))
        agreement = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return self.beta * keras.ops.mean(agreement) - ops.information_maximization(probabilities)

    def _pseudo_labels(self, features, probabilities, training):
        lifted = keras.ops.concatenate([features, keras.ops.ones_like(features[:, :1])], axis=1)
        lifted, weights = keras.ops.stop_gradient(lifted), keras.ops.stop_gradient(probabilities)
        for centroids in (self.centroids, self.refined):
            arriving = keras.ops.matmul(keras.ops.transpose(weights), lifted)
            moved = self.momentum * centroids + (1.0 - self.momentum) * arriving
            if training:
                centroids.assign(moved)
            labels = ops.nearest_prototype(lifted, moved)
            weights = keras.ops.one_hot(labels, weights.shape[1])
        return labels

    def get_config(self):
        """Returns the arguments of the method."""
        return {**super().get_config(), "beta": self.beta, "momentum": self.momentum}

"""Any method on maps: every position is a row."""

import math

import keras

from tlkeras import ops
from tlkeras.transfer.method import Method


@keras.saving.register_keras_serializable("tlkeras")
class PerPosition(Method):
    """Lets a method read maps, such as the logits of each pixel or of each token, as rows: one a position.

    `method(rows)` with `rows = (batch * positions, channels)` of each tapped layer `(batch, ..., channels)`. The
    positions of a training step are drawn without replacement, the same for every row and view of the batch, so that
    views which belong together stay so; in evaluation they lie evenly. A finer map of labels is read at the same
    places.

    It is how a network that segments images is adapted by its logits (`Entropy`, `MCC`, `FixMatch`), or by its feature
    maps (`DANN(tap="decoder")`: every position is told source from target, as in FCNs in the Wild).

    Args:
        method: `Method` of one term, whose taps are maps. Its weight, views, taps and name are those of this method.
        positions: Most positions of a map that it sees, >= 1.
        seed: Integer, of the positions that are drawn, or None.

    Views:
        Those of the method: the tapped layers `(batch, ..., channels)`, labels `(batch, ...)` where it reads them.

    Returns:
        What the method returns.

    Raises:
        ValueError: If `positions` is out of range, or the method weighs source rows, takes several updates a step or
            looks at more of the model than its taps: none of them has a row for a position; or if a tapped layer is a
            vector already, or the maps of two taps differ in size.

    Example:
        >>> PerPosition(tlkeras.methods.MCC(weight=0.1), positions=64).name
        'mcc'

    Reference:
        Hoffman, Wang, Yu, Darrell: FCNs in the Wild: Pixel-level Adversarial and Constraint-based Adaptation, 2016,
        https://arxiv.org/abs/1612.02649
    """

    def __init__(self, method, *, positions=256, seed=None):
        super().__init__(weight=method.weight, tap=method.tap, name=method.name)
        if isinstance(positions, bool) or not isinstance(positions, int) or positions < 1:
            raise ValueError(f"`positions` must be an integer >= 1. Received: positions={positions!r}")
        kind = type(method)
        if kind.weigh is not Method.weigh or kind.phases is not Method.phases or kind.bind is not Method.bind:
            raise ValueError(
                "`method` must be one term on tapped layers: one that weighs source rows, takes several updates a step "
                f"or looks at more of the model has no row for a position. Received: method={kind.__name__}"
            )
        self.method, self.positions, self.seed = method, positions, seed
        self.views = method.views
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def taps(self):
        """Names of the layers that the method reads."""
        return self.method.taps

    def resolve_taps(self, model):
        """Settles the taps of the method."""
        self.method.resolve_taps(model)
        self.tap = self.method.tap

    def build(self, batch_shape):
        """Builds the method for rows."""
        shapes = batch_shape.views.items()
        views = {view: {tap: (None, parts[tap][-1]) for tap in self.taps if tap in parts} for view, parts in shapes}
        self.method.build(batch_shape._replace(views=views))

    def call(self, batch, training=None):
        """Returns the unweighted term."""
        shape = self._shape(batch)
        count = math.prod(shape)
        chosen = keras.ops.arange(count)
        if count > self.positions and training:
            chosen = keras.random.shuffle(chosen, seed=self.seed_generator)[: self.positions]
        elif count > self.positions:
            chosen = keras.ops.arange(self.positions) * count // self.positions

        def rows(x, own):
            x = ops.coarsened(x, shape)
            flat = keras.ops.take(keras.ops.reshape(x, (-1, count, *own)), chosen, axis=1)
            return keras.ops.reshape(flat, (-1, *own))

        views = {
            view: {tap: rows(parts[tap], parts[tap].shape[-1:]) for tap in self.taps}
            for view, parts in batch.views.items()
        }
        # While the model is built, labels are not known to be maps.
        labels = {view: rows(y, ()) if len(y.shape) > 1 else y for view, y in batch.labels.items()}
        return self.method(batch._replace(views=views, labels=labels), training=training)

    def update(self, model):
        """Lets the method update."""
        self.method.update(model)

    def _shape(self, batch):
        """Returns the positions of the maps: `(height, width)`, or `(tokens,)`."""
        shapes = {tap: tuple(batch.get(self.views[0], tap).shape) for tap in self.taps}
        sizes = {shape[1:-1] for shape in shapes.values()}
        if len(sizes) > 1 or not all(sizes) or any(None in size for size in sizes):
            raise ValueError(
                f"`PerPosition` needs taps of `{self.name}` that are maps of one fixed size, (batch, ..., channels); "
                f"where they are vectors, use the method itself. Received: {shapes}"
            )
        return sizes.pop()

    def get_config(self):
        """Returns the arguments of the method."""
        method = keras.saving.serialize_keras_object(self.method)
        return {"method": method, "positions": self.positions, "seed": self.seed}

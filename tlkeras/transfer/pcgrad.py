"""A `TransferModel` of several tasks, whose gradients do not undo each other."""

import keras

from tlkeras.transfer.transfer_model import TransferModel

# TensorFlow is imported only where it is the backend, so that the rest of the package runs without it.
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf


@keras.saving.register_keras_serializable("tlkeras")
class PCGradModel(TransferModel):
    """Trains a model with several named outputs so that the gradient of no task works against that of another.

    Where the gradients of two tasks on the shared weights point against each other, `g_i . g_j < 0`, the part along
    `g_j` is taken out of `g_i`: `g_i - (g_i . g_j / |g_j|^2) g_j`, for all others in random order; what is left of all
    tasks is summed. Shared are the weights that two outputs or more depend on. The terms of methods and penalties on
    weights are no task: their gradient is added as it is. It changes directions, not sizes: where the losses differ in
    scale, combine it with `tlkeras.methods.UncertaintyWeighting`.

    A step costs one forward pass, and one backward pass for each task besides the usual one.

    Args:
        model: As in `TransferModel`, with a dict of at least two outputs.
        methods: As in `TransferModel`.
        forward: As in `TransferModel`.
        **kwargs: `name`, `dtype`.

    Raises:
        ValueError: If the model has no dict of at least two outputs, a method needs `PhasedModel`, or, in training,
            there are several replicas: projections of their own would not be those of the batch.
        RuntimeError: If the backend of Keras is not TensorFlow.

    Example:
        >>> inputs = keras.Input((4,))
        >>> x = keras.layers.Dense(8, name="features")(inputs)
        >>> outputs = {name: keras.layers.Dense(3, name=name)(x) for name in ("shape", "colour")}
        >>> PCGradModel(keras.Model(inputs, outputs), []).tasks
        ['colour', 'shape']

    Reference:
        Yu, Kumar, Gupta, Levine, Hausman, Finn: Gradient Surgery for Multi-Task Learning, 2020,
        https://arxiv.org/abs/2001.06782
    """

    def __init__(self, model, methods=(), *, forward="joint", **kwargs):
        super().__init__(model, methods, forward=forward, **kwargs)
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "PCGradModel needs TensorFlow's gradient tapes; set KERAS_BACKEND=tensorflow before Keras is imported. "
                f"Received: backend {keras.backend.backend()!r}"
            )
        if not isinstance(model.output, dict) or len(model.output) < 2:
            raise ValueError(
                "PCGradModel sets the gradients of several tasks against each other: the model must return a dict of "
                f"two outputs or more. Received: {model.name} with outputs {model.output_names}"
            )
        self.tasks = sorted(model.output)
        self.seed_generator = keras.random.SeedGenerator()

    def train_step(self, data):
        """Runs one step and returns the logs."""
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise ValueError("PCGradModel trains on one device. Received: a strategy of several replicas")
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        variables = self.trainable_variables
        with tf.GradientTape(persistent=True) as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        tracker = next(metric for metric in self.metrics if metric.name == "loss")
        tracker.update_state(loss, sample_weight=keras.ops.shape(keras.tree.flatten(x)[0])[0])
        # A loss reaches the weights through its own output only, so that a task's gradient is what comes from there.
        outputs = [[parts["output"][task] for parts in y_pred.values()] for task in self.tasks]
        arriving = [tape.gradient(scaled, of_task, unconnected_gradients="zero") for of_task in outputs]
        raw = [variable.value for variable in variables]
        by_task = [
            tape.gradient(of_task, raw, output_gradients=gradients)
            for of_task, gradients in zip(outputs, arriving, strict=True)
        ]
        total = tape.gradient(scaled, raw)
        del tape
        self.optimizer.apply(self._without_conflicts(total, by_task), variables)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _without_conflicts(self, total, by_task):
        """Returns the gradients, of shared variables those of the tasks projected off each other."""
        columns = zip(*by_task, strict=True)
        shared = [i for i, column in enumerate(columns) if sum(part is not None for part in column) > 1]
        if not shared:
            return total
        shapes = [tf.shape(total[i]) for i in shared]
        sizes = [tf.reduce_prod(shape) for shape in shapes]

        def flat(gradients):
            parts = [tf.zeros_like(total[i]) if gradients[i] is None else gradients[i] for i in shared]
            return tf.concat([tf.reshape(tf.cast(part, "float32"), [-1]) for part in parts], axis=0)

        rows = tf.stack([flat(gradients) for gradients in by_task])
        change = project_conflicts(rows, self.seed_generator) - tf.reduce_sum(rows, axis=0)
        result = list(total)
        for i, part, shape in zip(shared, tf.split(change, sizes), shapes, strict=True):
            result[i] = total[i] + tf.cast(tf.reshape(part, shape), total[i].dtype)
        return result


def project_conflicts(gradients, seed):
    """Returns the sum of gradients, each without its parts against the others.

    Args:
        gradients: Tensor `(tasks, weights)`.
        seed: `keras.random.SeedGenerator` or integer, of the order in which the others are taken.

    Returns:
        Tensor `(weights,)`.

    Example:
        >>> keras.ops.convert_to_numpy(project_conflicts(keras.ops.convert_to_tensor([[1.0, 1], [-1, 0]]), 0)).tolist()
        [-0.5, 1.5]
    """
    tasks = gradients.shape[0]
    projected = []
    for own in range(tasks):
        left, order = gradients[own], keras.random.shuffle(keras.ops.arange(tasks), seed=seed)
        for place in range(tasks):
            other = keras.ops.take(gradients, order[place], axis=0)
            against = keras.ops.minimum(keras.ops.sum(left * other), 0.0)
            against = keras.ops.where(order[place] == own, 0.0, against)
            left = left - against / keras.ops.maximum(keras.ops.sum(other * other), 1e-30) * other
        projected.append(left)
    return sum(projected)

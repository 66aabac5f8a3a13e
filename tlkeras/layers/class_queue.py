"""A memory of the last vectors of every class."""

import keras


@keras.saving.register_keras_serializable("tlkeras")
class ClassQueue(keras.layers.Layer):
    """Keeps the last `size` vectors of each class; the oldest one of a class makes room.

    Attributes:
        keys: Variable `(classes * size, width)`: the slots of class 0, then those of class 1, and so on.
        counts: Variable `(classes,)`, how many vectors each class ever got.

    Args:
        classes: Number of classes.
        size: Slots of each class.
        **kwargs: Keras layer arguments.

    Raises:
        ValueError: If `classes` or `size` is not a positive integer.

    Example:
        >>> queue = ClassQueue(classes=2, size=3)
        >>> queue.build((None, 4))
        >>> queue.enqueue(keras.ops.ones((2, 4)), keras.ops.convert_to_tensor([1, 1]))
        >>> keras.ops.convert_to_numpy(queue.filled()).tolist()
        [False, False, False, True, True, False]
    """

    def __init__(self, classes, size, **kwargs):
        super().__init__(trainable=False, **kwargs)
        if not all(isinstance(value, int) and value > 0 for value in (classes, size)):
            raise ValueError(
                f"`classes` and `size` must be positive integers. Received: classes={classes}, size={size}"
            )
        self.classes = classes
        self.size = size

    def build(self, input_shape):
        """Makes the slots for vectors `(batch, width)`."""
        shape = (self.classes * self.size, input_shape[-1])
        self.keys = self.add_weight(name="keys", shape=shape, initializer="zeros", trainable=False)
        self.counts = self.add_weight(
            name="counts", shape=(self.classes,), dtype="int32", initializer="zeros", trainable=False
        )

    def owners(self):
        """Returns the class of each slot, `(classes * size,)`."""
        return keras.ops.arange(self.classes * self.size, dtype="int32") // self.size

    def filled(self):
        """Returns which slots hold a vector, `(classes * size,)`."""
        places = keras.ops.arange(self.classes * self.size, dtype="int32") % self.size
        return places < keras.ops.take(self.counts, self.owners())

    def enqueue(self, keys, labels):
        """Puts each row of `keys` into a slot of its class; of more rows than slots the last ones stay.

        Args:
            keys: Tensor `(batch, width)`.
            labels: Integer tensor `(batch,)`.
        """
        members = keras.ops.one_hot(labels, self.classes, dtype="int32")
        rank = keras.ops.sum((keras.ops.cumsum(members, axis=0) - members) * members, axis=1)
        arriving = keras.ops.sum(members, axis=0)
        place = (keras.ops.take(self.counts, labels) + rank) % self.size
        stays = rank >= keras.ops.take(arriving, labels) - self.size
        spare = self.classes * self.size  # one row more than there are slots takes what does not stay
        slots = keras.ops.where(stays, labels * self.size + place, spare)
        padded = keras.ops.concatenate([self.keys, keras.ops.zeros_like(self.keys[:1])], axis=0)
        updated = keras.ops.scatter_update(padded, slots[:, None], keras.ops.cast(keys, self.keys.dtype))
        self.keys.assign(updated[:spare])
        self.counts.assign(self.counts + arriving)

    def get_config(self):
        """Returns the arguments of the layer."""
        return {**super().get_config(), "classes": self.classes, "size": self.size}

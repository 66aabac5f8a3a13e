import keras
import numpy as np
import pytest

from tlkeras.layers import ClassQueue

RNG = np.random.default_rng(0)


def test_the_last_vectors_of_each_class_stay():
    """Against lists: more batches than fit, and one class with more rows in a batch than slots."""
    queue = ClassQueue(classes=3, size=2)
    queue.build((None, 4))
    lists = {0: [], 1: [], 2: []}
    for labels in ([0, 1, 0], [0, 0, 0, 2, 0, 1], [1], [1, 1, 1]):
        keys = RNG.normal(size=(len(labels), 4)).astype("float32")
        queue.enqueue(keras.ops.convert_to_tensor(keys), keras.ops.convert_to_tensor(labels, "int32"))
        for key, label in zip(keys, labels, strict=True):
            lists[label] = [*lists[label], key][-2:]
        kept, filled = (keras.ops.convert_to_numpy(value) for value in (queue.keys, queue.filled()))
        owners = keras.ops.convert_to_numpy(queue.owners())
        for label, expected in lists.items():
            rows = kept[(owners == label) & filled]
            assert sorted(map(tuple, rows)) == sorted(map(tuple, expected))


@pytest.mark.parametrize("arguments", [(0, 3), (3, 1.5)])
def test_bad_sizes_are_refused(arguments):
    with pytest.raises(ValueError, match="must be positive integers. Received: classes="):
        ClassQueue(*arguments)

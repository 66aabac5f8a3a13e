"""The `tf.data` side of `pair`."""

import tensorflow as tf

from tlkeras.data.checks import check_labels, check_sizes, check_value_range

SHUFFLE_BYTES = 2**29  # memory of the shuffle buffer of one side, at most


def is_dataset(data):
    """Tells whether `data` is a `tf.data.Dataset`."""
    return isinstance(data, tf.data.Dataset)


def from_batches(batches):
    """A pipeline that gathers the rows named by `batches.order()` and counts an epoch when its last batch is taken.

    Args:
        batches: `tlkeras.data.pair.PairBatches`.

    Returns:
        `tf.data.Dataset` of known length.
    """
    with tf.device("CPU:0"):  # an accelerator's memory is for the model
        inputs, labels, target = (tf.constant(rows) for rows in (batches.inputs, batches.labels, batches.target))
    steps, size, epoch = len(batches), batches.batch_size, tf.Variable(batches.epoch, dtype=tf.int64, trainable=False)

    def order(now):
        batches.epoch = int(now)
        return batches.order()

    def rows_of_epoch(_):
        source, target = tf.numpy_function(order, [epoch.read_value()], [tf.int64, tf.int64])
        return tf.data.Dataset.from_tensor_slices(
            (tf.reshape(source, (steps, size)), tf.reshape(target, (steps, size)))
        )

    def gather(source, other):
        views = {"source": tf.gather(inputs, source), "target": tf.gather(target, other)}
        return views, {"source": tf.gather(labels, source)}

    def count(index, batch):
        epoch.assign_add(tf.cast(tf.equal(index, steps - 1), tf.int64))
        return batch

    dataset = tf.data.Dataset.range(1).flat_map(rows_of_epoch).map(gather).prefetch(tf.data.AUTOTUNE)
    dataset = dataset.enumerate().map(lambda index, batch: count(index, batch))
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False  # it would count an epoch before its last batch is taken
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).with_options(options)


def from_datasets(source, target, batch_size, seed, num_classes, steps, *, value_range):
    """Pairs two pipelines of single examples; arguments as in `tlkeras.data.pair`.

    Shuffling is `tf.data`'s own, within a buffer of 512 MiB a side; the order does not survive a resume.

    Raises:
        ValueError: If a side is empty or smaller than a batch, images look wrongly scaled, or a length is unknown and
            `steps` is not given.
    """
    if not is_dataset(source):
        source = tf.data.Dataset.from_tensor_slices(tuple(source))
    if not is_dataset(target):
        target = tf.data.Dataset.from_tensor_slices(target)
    lengths = [int(side.cardinality()) for side in (source, target)]
    for name, length, side in zip(("source", "target"), lengths, (source, target), strict=True):
        first = next(side.batch(batch_size).as_numpy_iterator(), None)
        if first is None:
            raise ValueError(f"`{name}` is empty: give it at least one batch of rows. Received: {length} elements")
        check_value_range(first[0] if name == "source" else first, value_range, name)
        if name == "source" and num_classes is not None:
            check_labels(first[1], num_classes)
    check_sizes({"source": lengths[0], "target": lengths[1]}, batch_size, steps)
    if steps is None and min(lengths) < 0:
        raise ValueError(
            "`steps` must be given when the length of a tf.data.Dataset is unknown or infinite. "
            f"Received: cardinality {lengths}"
        )
    if num_classes is not None:
        source = source.map(lambda x, y: (x, _checked(y, num_classes)))

    def batches(side, side_seed):
        shuffled = side.shuffle(_buffer(side), seed=side_seed, reshuffle_each_iteration=True)
        return shuffled.repeat().batch(batch_size, drop_remainder=True)

    steps = max(lengths) // batch_size if steps is None else steps
    both = tf.data.Dataset.zip(batches(source, seed), batches(target, seed + 1)).take(steps)
    named = both.map(lambda labelled, other: ({"source": labelled[0], "target": other}, {"source": labelled[1]}))
    return named.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(tf.data.AUTOTUNE)


def _buffer(dataset):
    """Returns how many elements fit into the shuffle buffer; variable sizes count as 1 MiB."""
    specs = tf.nest.flatten(dataset.element_spec)
    sizes = [spec.shape.num_elements() for spec in specs]
    size = sum(n * spec.dtype.size for n, spec in zip(sizes, specs, strict=True)) if None not in sizes else 2**20
    return max(SHUFFLE_BYTES // max(size, 1), 1)


def _checked(label, num_classes):
    message = f"Labels must be in 0..{num_classes - 1} (`num_classes={num_classes}`). Received:"
    valid = tf.reduce_all((label >= 0) & (label < num_classes))
    with tf.control_dependencies([tf.debugging.Assert(valid, [message, label])]):
        return tf.identity(label)

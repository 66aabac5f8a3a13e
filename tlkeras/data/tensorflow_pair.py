"""The `tf.data` side of `pair`."""

import tensorflow as tf

from tlkeras.data.checks import check_labels, check_sizes, check_value_range, finite_numbers

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
        inputs = {view: _constant(rows) for view, (rows, _) in batches.sources.items()}
        labels = {view: _constant(rows) for view, (_, rows) in batches.sources.items()}
        inputs["target"] = _constant(batches.target)
    steps, size, epoch = len(batches), batches.batch_size, tf.Variable(batches.epoch, dtype=tf.int64, trainable=False)
    first, *others = batches.sources
    sides = (first, "target", *others)

    def order(now):
        batches.epoch = int(now)
        return batches.order()

    def rows_of_epoch(_):
        rows = tf.numpy_function(order, [epoch.read_value()], [tf.int64] * len(sides))
        shaped = (tf.reshape(side, (steps, size)) for side in rows)
        return tf.data.Dataset.from_tensor_slices(dict(zip(sides, shaped, strict=True)))

    def gather(rows):
        def take(side, view):
            return tf.nest.map_structure(lambda values: tf.gather(values, rows[view]), side)

        return tuple({view: take(side, view) for view, side in sides.items()} for sides in (inputs, labels))

    def count(index, batch):
        epoch.assign_add(tf.cast(tf.equal(index, steps - 1), tf.int64))
        return batch

    dataset = tf.data.Dataset.range(1).flat_map(rows_of_epoch).map(gather).prefetch(tf.data.AUTOTUNE)
    dataset = dataset.enumerate().map(lambda index, batch: count(index, batch))
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False  # it would count an epoch before its last batch is taken
    return dataset.apply(tf.data.experimental.assert_cardinality(steps)).with_options(options)


def from_datasets(sources, target, batch_size, seed, num_classes, steps, *, value_range):
    """Pairs pipelines of single examples, the sources by view; other arguments as in `tlkeras.data.pair`.

    Shuffling is `tf.data`'s own, within a buffer of 512 MiB a side; the order does not survive a resume.

    Raises:
        ValueError: If a side is empty or smaller than a batch, images look wrongly scaled, or a length is unknown and
            `steps` is not given.
    """
    sides = {view: side if is_dataset(side) else _sliced(tuple(side)) for view, side in sources.items()}
    sides["target"] = target if is_dataset(target) else _sliced(target)
    lengths = {view: int(side.cardinality()) for view, side in sides.items()}
    for view, side in sides.items():
        _check_first_batch(view, side.batch(batch_size), num_classes, value_range)
    check_sizes(lengths, batch_size, steps)
    if steps is None and min(lengths.values()) < 0:
        raise ValueError(
            "`steps` must be given when the length of a tf.data.Dataset is unknown or infinite. "
            f"Received: cardinality {list(lengths.values())}"
        )
    if num_classes is not None:
        sides |= {view: sides[view].map(lambda x, y: (x, _checked(y, num_classes))) for view in sources}
    else:
        sides |= {view: sides[view].map(lambda x, y: (x, tf.nest.map_structure(_finite, y))) for view in sources}
    first, *others = sources
    seeds = {view: seed + number for number, view in enumerate((first, "target", *others))}

    def batches(side, side_seed):
        shuffled = side.shuffle(_buffer(side), seed=side_seed, reshuffle_each_iteration=True)
        return shuffled.repeat().batch(batch_size, drop_remainder=True)

    def named(rows):
        views = {view: rows[view][0] for view in sources}
        return {**views, "target": rows["target"]}, {view: rows[view][1] for view in sources}

    steps = max(lengths.values()) // batch_size if steps is None else steps
    together = tf.data.Dataset.zip({view: batches(side, seeds[view]) for view, side in sides.items()})
    known = together.take(steps).map(named).apply(tf.data.experimental.assert_cardinality(steps))
    return known.prefetch(tf.data.AUTOTUNE)


def _constant(rows):
    return tf.nest.map_structure(tf.constant, rows)


def _sliced(rows):
    return tf.data.Dataset.from_tensor_slices(rows)


def _check_first_batch(view, batches, num_classes, value_range):
    first = next(batches.as_numpy_iterator(), None)
    if first is None:
        raise ValueError(f"`{view}` is empty: give it at least one batch of rows. Received: 0 elements")
    check_value_range(first if view == "target" else first[0], value_range, view)
    if view != "target":
        for labels in tf.nest.flatten(first[1]):
            finite_numbers(labels, f"{view} labels")
    if view != "target" and num_classes is not None:
        check_labels(first[1], num_classes)


def _buffer(dataset):
    """Returns how many elements fit into the shuffle buffer; variable sizes count as 1 MiB."""
    specs = tf.nest.flatten(dataset.element_spec)
    sizes = [spec.shape.num_elements() for spec in specs]
    size = sum(n * spec.dtype.size for n, spec in zip(sizes, specs, strict=True)) if None not in sizes else 2**20
    return max(SHUFFLE_BYTES // max(size, 1), 1)


def _finite(label):
    if not label.dtype.is_floating:
        return label
    message = "Labels must be finite: leave out the rows without one. Received:"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(label)), [message, label])]):
        return tf.identity(label)


def _checked(label, num_classes):
    message = f"Labels must be in 0..{num_classes - 1} (`num_classes={num_classes}`). Received:"
    valid = tf.reduce_all((label >= 0) & (label < num_classes))
    with tf.control_dependencies([tf.debugging.Assert(valid, [message, label])]):
        return tf.identity(label)

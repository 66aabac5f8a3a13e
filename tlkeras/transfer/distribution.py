"""What Keras can train under a strategy of `tf.distribute`, without TensorFlow being imported here."""


def check_strategy(model):
    """Raises if Keras cannot train a model under its strategy, where its own errors do not say so.

    Args:
        model: Compiled `keras.Model`. Without a strategy of several replicas, and on a backend that has none, nothing
            is checked.

    Raises:
        ValueError: If the strategy spans several workers, a variable was made outside of its scope, or the model was
            compiled with `jit_compile=True` or `steps_per_execution > 1`.

    Example:
        >>> check_strategy(keras.Sequential([keras.layers.Dense(2)]))
    """
    strategy = getattr(model, "distribute_strategy", None)
    replicas = getattr(strategy, "num_replicas_in_sync", 1)
    if replicas == 1:
        return
    workers = _workers(strategy)
    if workers > 1:
        raise ValueError(
            "Keras cannot `fit` under a MultiWorkerMirroredStrategy of several workers: train in one process, under "
            f"tf.distribute.MirroredStrategy where it has several devices. Received: a cluster of {workers} workers"
        )
    outside = [v.path for v in model.variables if not strategy.extended.variable_created_in_scope(v.value)]
    if outside:
        raise ValueError(
            "Make the model, its methods and the TransferModel within `strategy.scope()`, in which `fit` is to run. "
            f"Received: {len(outside)} variables from outside, {outside[:3]}"
        )
    if model.jit_compile:
        raise ValueError(
            'XLA compiles for one device: leave `jit_compile="auto"` in `compile`. '
            f"Received: jit_compile=True, {replicas} replicas"
        )
    if model.steps_per_execution > 1:
        raise ValueError(
            "Keras cannot run several steps at once on several replicas: leave `steps_per_execution=1` in `compile`. "
            f"Received: steps_per_execution={model.steps_per_execution}, {replicas} replicas"
        )


def _workers(strategy) -> int:
    """Returns how many processes train together, each one running the whole program."""
    if strategy.cluster_resolver is None or not strategy.extended.experimental_between_graph:
        return 1
    return sum(len(tasks) for tasks in strategy.cluster_resolver.cluster_spec().as_dict().values())

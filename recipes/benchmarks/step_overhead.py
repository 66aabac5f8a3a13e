"""What a `TransferModel` step costs beside a hand-written `tf.function` loop of the same mathematics.

DANN on 1280-d features: bottleneck 256 with BatchNorm, critic 1024-1024-1 with BatchNorm, SGD with Nesterov momentum,
32 + 32 rows a step, joint forward, two threads, with and without XLA. Both loops run in turn, many short epochs each,
in one process; the median of the ratios of neighbours is what counts.

    python recipes/benchmarks/step_overhead.py
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[2]))
import tlkeras  # noqa: E402

ROWS, WIDTH, CLASSES = 2000, 1280, 7


def inference_model():
    """The head on cached features."""
    inputs = keras.Input((WIDTH,))
    backbone = keras.Model(inputs, keras.layers.Identity(name="features")(inputs))
    return tlkeras.surgery.classifier(backbone, CLASSES, bottleneck=256)


def optimizer():
    """The optimizer that tllib trains DANN with."""
    return keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)


def ours(dataset, jit):
    """Returns a function that runs one epoch with `fit`."""
    keras.utils.set_random_seed(0)
    method = tlkeras.methods.DANN(batch_norm=True)
    model = tlkeras.TransferModel(inference_model(), [method])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(), loss, metrics=["accuracy"], jit_compile=jit)
    return lambda: model.fit(dataset, epochs=1, verbose=0, shuffle=False)


def by_hand(dataset, jit):
    """Returns a function that runs one epoch of a plain loop: one `tf.function` a step, nothing of tlkeras.transfer."""
    keras.utils.set_random_seed(0)
    inner = inference_model()
    model = keras.Model(inner.input, [inner.output, inner.get_layer("bottleneck").output])
    critic = tlkeras.layers.DomainCritic((1024, 1024), batch_norm=True)
    critic.build((None, 256))
    variables = model.trainable_variables + critic.trainable_variables
    sgd, step = optimizer(), tf.Variable(0.0)
    sgd.build(variables)
    accuracy, mean = keras.metrics.SparseCategoricalAccuracy(), keras.metrics.Mean()
    domain = tf.concat([tf.ones(32), tf.zeros(32)], 0)

    @tf.function(jit_compile=jit)
    def train_step(source, labels, target):
        with tf.GradientTape() as tape:
            logits, features = model(tf.concat([source, target], 0), training=True)
            supervised = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits[:32])
            )
            strength = 2.0 / (1.0 + tf.exp(-step / 1000.0)) - 1.0
            stopped = tf.stop_gradient(features)
            judged = critic(stopped - strength * (features - stopped), training=True)[:, 0]
            adversarial = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=domain, logits=judged))
            loss = supervised + adversarial
        sgd.apply(tape.gradient(loss, variables), variables)
        step.assign_add(1.0)
        accuracy.update_state(labels, logits[:32])
        mean.update_state(loss)

    def epoch():
        for views, labels in dataset:
            train_step(views["source"], labels["source"], views["target"])

    return epoch


def main():
    """Prints the steps a second of both and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=25, help="epochs timed of each (default: 25)")
    parser.add_argument("--steps", type=int, default=50, help="steps an epoch (default: 50)")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(2)
    random = np.random.default_rng(0)
    features = random.normal(size=(2, ROWS, WIDTH)).astype("float32")
    labels = random.integers(0, CLASSES, ROWS)
    for jit in (False, True):
        dataset = tlkeras.data.pair((features[0], labels), features[1], batch_size=32, steps=arguments.steps)
        loops = {"TransferModel": ours(dataset, jit), "tf.function": by_hand(dataset, jit)}
        seconds = {name: [] for name in loops}
        for repeat in range(arguments.repeats + 1):
            for name, epoch in loops.items():
                start = time.perf_counter()
                epoch()
                if repeat:
                    seconds[name].append(time.perf_counter() - start)
        rates = ", ".join(f"{name} {arguments.steps / statistics.median(v):.0f} steps/s" for name, v in seconds.items())
        ratios = sorted(mine / theirs for mine, theirs in zip(*seconds.values(), strict=True))
        low, middle, high = (ratios[int(share * (len(ratios) - 1))] for share in (0.1, 0.5, 0.9))
        print(f"jit_compile={jit}: {rates}, ratio {middle:.3f} (10 % to 90 %: {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()

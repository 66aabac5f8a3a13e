"""The forward pass of a model as one `tf.function`."""

import tensorflow as tf


def forward_of(model):
    """Returns a compiled function from a batch of any size to the model's output in inference mode.

    Not XLA: on a CPU it ran a MobileNetV2 at a tenth of the speed.

    Args:
        model: Functional model with one input.
    """
    tensor = model.inputs[0]
    signature = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype)]
    return tf.function(lambda rows: model(rows, training=False), input_signature=signature, autograph=False)
